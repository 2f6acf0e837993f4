/**
 * The table of G-7 as data: every key of a compose service, its verdict, the name of its rule, and whether config.yaml can make an exception. A key that
 * is not here is `compose_key_unknown`. Docs and tests are made from it.
 */

/** `allowed`: never looked at. `conditional`: by a rule of its own. `excepted`: denied unless config.yaml allows it. `denied`: always. */
export type KeyVerdict = 'allowed' | 'conditional' | 'excepted' | 'denied';

/** How the value of an `excepted` key is read: a switch, one text, a list of elements, NAME=VALUE pairs, or by a rule of its own. */
export type KeyShape = 'flag' | 'text' | 'list' | 'pairs' | 'special';

export interface KeyRow {
  readonly key: string;
  readonly verdict: KeyVerdict;
  readonly shape: KeyShape;
  readonly rule: string;
  readonly exceptionPossible: boolean;
  /** What is accepted (conditional), or what it would give away (excepted, denied). */
  readonly why: string;
  /** Judged by its text alone: it is never asked of the host, because it may hold a secret (P-12). */
  readonly textOnly: boolean;
}

export const TOP_LEVEL_KEYS: ReadonlySet<string> = new Set([
  'name',
  'services',
  'version',
  'volumes',
  'networks',
  'configs',
  'secrets',
]);

/** `x-*` is allowed beside them. */
const ALLOWED =
  `annotations attach blkio_config command container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset
  depends_on develop dns dns_opt dns_search domainname entrypoint environment expose extra_hosts healthcheck hostname init labels links mac_address mem_limit
  mem_reservation mem_swappiness memswap_limit pids_limit platform profiles read_only cap_drop restart shm_size stdin_open stop_grace_period stop_signal tmpfs
  tty ulimits user working_dir`.split(/\s+/);

const CONDITIONAL: Readonly<Record<string, string>> = {
  image: 'an image with a tag or a digest',
  env_file: 'files of the commit or host_files',
  configs: 'files of the commit or host_files, content, or a variable',
  secrets: 'files of the commit or host_files, or a variable',
  volumes: 'named and anonymous volumes, tmpfs, and folders beneath remote_root and bind_roots',
  ports: 'any, and the plan shows them',
  networks: 'bridge networks of this file without driver_opts, and external ones except host',
  network_mode: 'none, bridge, or service: of this file',
  cap_add: 'the capabilities that the engine gives by default',
  security_opt: 'no-new-privileges, and seccomp= with a file of the commit',
  sysctls: 'net.*',
  deploy: 'resources, labels, restart_policy, and replicas: 1',
  scale: '1',
  extends: 'a service of this file',
  pull_policy: 'missing, if_not_present, never',
  logging: 'json-file, local, journald, none',
  group_add: 'groups other than 0 and docker',
  ipc: 'private, shareable',
  oom_score_adj: 'from 0',
};

const EXCEPTED: Readonly<Record<string, readonly [KeyShape, string]>> = {
  privileged: ['flag', 'a privileged container is root on the host'],
  devices: ['list', 'it hands a device of the host to the container'],
  device_cgroup_rules: ['list', 'it lets the container use devices of the host'],
  gpus: ['list', 'it hands a device of the host to the container'],
  runtime: ['text', 'another runtime decides itself how far the container is kept apart'],
  cgroup: ['text', "it chooses the container's cgroup namespace"],
  cgroup_parent: ['text', 'it puts the container beneath another cgroup'],
  pid: ['text', 'it shares a process namespace'],
  uts: ['text', "it shares the host's UTS namespace"],
  userns_mode: ['text', 'it turns user namespaces off for this container'],
  oom_kill_disable: ['flag', 'it can leave the host without memory'],
  storage_opt: ['pairs', 'it changes the storage driver for this container'],
  volumes_from: ['list', 'it takes over the mounts of another container'],
  external_links: ['list', 'it reaches containers outside of this file'],
  post_start: ['list', 'it runs a command in the container, as root if it says so'],
  pre_stop: ['list', 'it runs a command in the container, as root if it says so'],
  build: ['special', 'it runs what a build file says; build elsewhere and name the image'],
};

const DENIED: Readonly<Record<string, string>> = {
  provider: 'it runs a program on the host',
  models: 'it runs a model on the host',
  use_api_socket: 'it hands out the engine, which equals root on the host',
  credential_spec: "it reads the host's credential store",
  label_file: 'labels come from a file that no plan sees',
  include: 'a compose file stands alone',
};

const TEXT_ONLY = new Set(['post_start', 'pre_stop']);

const row = (key: string, verdict: KeyVerdict, shape: KeyShape, why: string): KeyRow => ({
  key,
  verdict,
  shape,
  rule: key,
  exceptionPossible: verdict === 'conditional' || verdict === 'excepted',
  why,
  textOnly: TEXT_ONLY.has(key),
});

/** One row for every key that a service may have, in the order of the spec's table. */
export const POLICY_TABLE: readonly KeyRow[] = [
  ...ALLOWED.map((key) => row(key, 'allowed', 'special', '')),
  ...Object.entries(CONDITIONAL).map(([key, why]) => row(key, 'conditional', 'special', why)),
  ...Object.entries(EXCEPTED).map(([key, [shape, why]]) => row(key, 'excepted', shape, why)),
  ...Object.entries(DENIED).map(([key, why]) => row(key, 'denied', 'special', why)),
];

const BY_KEY: ReadonlyMap<string, KeyRow> = new Map(POLICY_TABLE.map((entry) => [entry.key, entry]));

export function rowOf(key: string): KeyRow | undefined {
  return BY_KEY.get(key);
}

export interface RuleRow {
  readonly rule: string;
  readonly exceptionPossible: boolean | 'read_only';
  readonly why: string;
}

/** Rules that have a name of their own and not a key's. */
export const NAMED_RULES: readonly RuleRow[] = [
  { rule: 'compose_key_unknown', exceptionPossible: false, why: 'platformctl does not know what this key does' },
  {
    rule: 'moving_tag',
    exceptionPossible: true,
    why: 'the tag is none or latest, so the same text can mean another image tomorrow',
  },
  {
    rule: 'volume_driver_opts',
    exceptionPossible: true,
    why: 'driver options can mount anything, also a folder of the host',
  },
  {
    rule: 'bind_outside',
    exceptionPossible: true,
    why: 'the folder is neither beneath remote_root nor beneath bind_roots',
  },
  { rule: 'bind_sacred', exceptionPossible: 'read_only', why: 'the path is sacred, or has a sacred one beneath it' },
  { rule: 'docker_socket', exceptionPossible: true, why: "the engine's socket equals root on the host" },
];

/** What docker gives every container, so that `cap_drop: [ALL]` can be followed by what is needed. Without CAP_. */
export const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

export const PULL_POLICIES: ReadonlySet<string> = new Set(['missing', 'if_not_present', 'never']);
export const LOGGING_DRIVERS: ReadonlySet<string> = new Set(['json-file', 'local', 'journald', 'none']);
export const IPC_MODES: ReadonlySet<string> = new Set(['private', 'shareable']);
export const DEPLOY_KEYS: ReadonlySet<string> = new Set(['resources', 'labels', 'restart_policy', 'replicas']);

const TAKEN = new Set(['source', 'target', 'uid', 'gid', 'mode']);

/** Keys within a value, by the position that holds it; `x-*` is allowed beside them. */
export const NESTED_KEYS = {
  volumes: new Set(
    `type source target read_only consistency bind.propagation bind.create_host_path bind.selinux bind.recursive volume.nocopy volume.subpath volume.labels
    tmpfs.size tmpfs.mode image.subpath`.split(/\s+/),
  ),
  ports: new Set('name mode host_ip target published protocol app_protocol'.split(' ')),
  networks: new Set(
    'aliases ipv4_address ipv6_address link_local_ips mac_address gw_priority priority interface_name driver_opts'.split(
      ' ',
    ),
  ),
  env_file: new Set(['path', 'required', 'format']),
  configs: TAKEN,
  secrets: TAKEN,
  logging: new Set(['driver', 'options']),
  'top.volumes': new Set(['name', 'driver', 'driver_opts', 'external', 'labels']),
  'top.networks': new Set(
    'name driver driver_opts external labels ipam internal attachable enable_ipv4 enable_ipv6'.split(' '),
  ),
  'top.configs': new Set('name file content environment external labels template_driver'.split(' ')),
  'top.secrets': new Set('name file environment external labels driver driver_opts template_driver'.split(' ')),
} as const satisfies Readonly<Record<string, ReadonlySet<string>>>;
