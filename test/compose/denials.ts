/** Every denied row of G-7's table: once as text, once with `V` in its place and its value in `.env`. */
export interface DeniedCase {
  readonly name: string;
  readonly service: Readonly<Record<string, unknown>>;
  readonly top?: Readonly<Record<string, unknown>>;
  /** rule, value */
  readonly denied: readonly [string, string | null];
  readonly possible: boolean;
  /** The same through a variable: undefined where no position of it can hold one. */
  readonly variable?: {
    service?: Readonly<Record<string, unknown>>;
    top?: Readonly<Record<string, unknown>>;
    V: string;
    open: string;
  };
}

const key = (
  name: string,
  written: unknown,
  value: string | null,
  through: unknown,
  V: string,
  open = name,
  denied: readonly [string, string | null] = [name, value],
  possible = true,
): DeniedCase => ({
  name: `${name}: ${JSON.stringify(written)}`,
  service: { [name]: written },
  denied,
  possible,
  variable: { service: { [name]: through }, V, open },
});

const bind = (source: string, rule: string, possible = true, value = source): DeniedCase =>
  key('volumes', [`${source}:/x`], value, ['${V}:/x'], source, 'volumes.0.source', [rule, value], possible);

const never = (name: string, written: unknown): DeniedCase => ({
  name: `${name} is never allowed`,
  service: { [name]: written },
  denied: [name, null],
  possible: false,
});

export const DENIED: readonly DeniedCase[] = [
  key('privileged', true, null, '${V:-false}', 'true'),
  key('privileged', 'yes', null, '${V}', 'yes'),
  key('oom_kill_disable', true, null, '${V}', 'on'),
  key('devices', ['/dev/dri'], '/dev/dri:/dev/dri', ['${V}'], '/dev/dri', 'devices.0'),
  key('devices', ['/dev/sda:/dev/x:r'], '/dev/sda:/dev/x:r', ['${V}:/dev/x:r'], '/dev/sda', 'devices.0'),
  key('device_cgroup_rules', ['c 1:3 mr'], 'c 1:3 mr', ['${V}'], 'c 1:3 mr', 'device_cgroup_rules.0'),
  key('gpus', 'all', 'all', '${V}', 'all'),
  key('runtime', 'nvidia', 'nvidia', '${V}', 'nvidia'),
  key('cgroup', 'host', 'host', '${V}', 'host'),
  key('cgroup_parent', 'm.slice', 'm.slice', '${V}', 'm.slice'),
  key('pid', 'host', 'host', '${V}', 'host'),
  key('uts', 'host', 'host', '${V}', 'host'),
  key('userns_mode', 'host', 'host', '${V}', 'host'),
  key('ipc', 'host', 'host', '${V}', 'host'),
  key('storage_opt', { size: '1G' }, 'size=1G', { size: '${V}' }, '1G', 'storage_opt.size'),
  key('volumes_from', ['other:ro'], 'other:ro', ['${V}:ro'], 'other', 'volumes_from.0'),
  key('external_links', ['db:db'], 'db:db', ['${V}'], 'db:db', 'external_links.0'),
  key('build', './src', './src', '${V}', './src'),
  key('build', { context: '.', dockerfile_inline: 'FROM x' }, '.', { context: '${V}' }, '.'),
  {
    name: 'post_start',
    service: { post_start: [{ command: 'id' }] },
    denied: ['post_start', '{"command":"id"}'],
    possible: true,
  },
  {
    name: 'pre_stop',
    service: { pre_stop: [{ command: 'id', privileged: true }] },
    denied: ['pre_stop', '{"command":"id","privileged":true}'],
    possible: true,
  },
  key('network_mode', 'host', 'host', '${V}', 'host'),
  key('network_mode', 'container:abc', 'container:abc', '${V}', 'container:abc'),
  key('cap_add', ['NET_ADMIN'], 'NET_ADMIN', ['${V}'], 'NET_ADMIN', 'cap_add.0'),
  key('cap_add', ['ALL'], 'ALL', ['${V}'], 'ALL', 'cap_add.0'),
  key('cap_add', ['cap_sys_admin'], 'cap_sys_admin', ['cap_${V}'], 'sys_admin', 'cap_add.0'),
  key('security_opt', ['seccomp=unconfined'], 'seccomp=unconfined', ['seccomp=${V}'], 'unconfined', 'security_opt.0'),
  key(
    'security_opt',
    ['apparmor:unconfined'],
    'apparmor:unconfined',
    ['apparmor:${V}'],
    'unconfined',
    'security_opt.0',
  ),
  key('security_opt', ['label=disable'], 'label=disable', ['${V}'], 'label=disable', 'security_opt.0'),
  key('sysctls', { 'kernel.msgmax': 65536 }, 'kernel.msgmax=65536', ['${V}'], 'kernel.msgmax=65536', 'sysctls.0'),
  key('deploy', { replicas: 2 }, 'replicas=2', { replicas: '${V}' }, '2', 'deploy.replicas', ['deploy', 'replicas=2']),
  key('deploy', { mode: 'global' }, 'mode=global', { mode: '${V}' }, 'global', 'deploy.mode'),
  key(
    'deploy',
    { resources: { reservations: { devices: [{ capabilities: ['gpu'] }] } } },
    '',
    { resources: { reservations: { devices: [{ capabilities: ['${V}'] }] } } },
    'gpu',
    'deploy.resources.reservations.devices.0.capabilities.0',
    ['gpus', '{"capabilities":["gpu"]}'],
  ),
  key(
    'deploy',
    { resources: { reservations: { devices: [{ driver: 'nvidia', count: 0.5, capabilities: ['gpu', 'compute'] }] } } },
    '',
    { resources: { reservations: { devices: [{ driver: '${V}', count: 0.5, capabilities: ['gpu', 'compute'] }] } } },
    'nvidia',
    'deploy.resources.reservations.devices.0.driver',
    ['gpus', '{"capabilities":["compute","gpu"],"count":"0.5","driver":"nvidia"}'],
  ),
  key('scale', 2, '2', '${V}', '2'),
  key('pull_policy', 'always', 'always', '${V}', 'always'),
  key('logging', { driver: 'syslog' }, 'syslog', { driver: '${V}' }, 'syslog', 'logging.driver'),
  key('group_add', [0], '0', ['${V}'], '0', 'group_add.0'),
  key('group_add', ['docker'], 'docker', ['${V}'], 'docker', 'group_add.0'),
  key('group_add', ['00'], '00', ['${V}'], '00', 'group_add.0'),
  key('group_add', ['-0'], '-0', ['${V}'], '-0', 'group_add.0'),
  key('oom_score_adj', -500, '-500', '${V}', '-500'),
  key('env_file', '/etc/app.env', '/etc/app.env', '${V}', '/etc/app.env', 'env_file', ['bind_sacred', '/etc/app.env']),
  key('env_file', ['/srv/app.env'], '/srv/app.env', ['${V}'], '/srv/app.env', 'env_file.0'),
  key(
    'env_file',
    ['../../../etc/app.env'],
    '/etc/app.env',
    ['../${V}/app.env'],
    '../../etc',
    'env_file.0',
    ['env_file', '/etc/app.env'],
    false,
  ),
  key('env_file', ['a$$b.env'], 'a$b.env', ['${V}.env'], 'a$b', 'env_file.0', ['env_file', 'a$b.env'], false),
  bind('/mnt/media/a$.b', 'bind_outside', false),
  bind('/etc', 'bind_sacred', false),
  bind('/', 'bind_sacred', false),
  bind('/var', 'bind_sacred', false),
  bind('/home/me/.ssh', 'bind_sacred', false),
  bind('/srv/backup/x', 'bind_sacred', false),
  bind('/srv', 'bind_sacred', false),
  bind('/opt/stacks', 'bind_sacred', false),
  bind('/opt', 'bind_sacred', false),
  bind('/opt/stacks/.platform/key', 'bind_sacred', false),
  bind('/etc/localtime', 'bind_sacred', false),
  bind('/data', 'bind_outside'),
  bind('/mnt/media2', 'bind_outside'),
  bind('/var/run/docker.sock', 'docker_socket'),
  bind('/run/docker.sock', 'docker_socket'),
  bind('//var//run/../run/docker.sock', 'docker_socket', true, '/var/run/docker.sock'),
  bind('./../../../etc', 'bind_sacred', false, '/etc'),
  key('volumes', ['/etc:/x:ro'], '/etc', ['${V}:/x:ro'], '/etc', 'volumes.0.source', ['bind_sacred', '/etc']),
  key(
    'volumes',
    [{ type: 'bind', source: '/etc', target: '/x', read_only: true }],
    '/etc',
    [{ type: 'bind', source: '${V}', target: '/x', read_only: true }],
    '/etc',
    'volumes.0.source',
    ['bind_sacred', '/etc'],
  ),
  key('volumes', ['./x:/x:rslave'], '/opt/stacks/app/x:/x:rslave', ['./x:/x:${V}'], 'rslave', 'volumes.0.propagation', [
    'volumes',
    '/opt/stacks/app/x:/x:rslave',
  ]),
  ...['configs', 'secrets'].map(
    (kind): DeniedCase => ({
      name: `${kind} of an absolute file`,
      service: { [kind]: ['c'] },
      top: { [kind]: { c: { file: '/srv/x' } } },
      denied: [kind, '/srv/x'],
      possible: true,
      variable: { top: { [kind]: { c: { file: '${V}' } } }, V: '/srv/x', open: `${kind}.c.file` },
    }),
  ),
  ...['configs', 'secrets'].map(
    (kind): DeniedCase => ({
      name: `external ${kind}`,
      service: { [kind]: [{ source: 'c' }] },
      top: { [kind]: { c: { external: true } } },
      denied: [kind, 'c:external'],
      possible: false,
      variable: { top: { [kind]: { c: { external: '${V}' } } }, V: 'true', open: `${kind}.c.external` },
    }),
  ),
  {
    name: "a volume's device",
    service: { volumes: ['data:/d'] },
    top: { volumes: { data: { driver_opts: { type: 'none', o: 'bind', device: '/mnt/media/x' } } } },
    denied: ['volume_driver_opts', 'device=/mnt/media/x o=bind type=none'],
    possible: true,
    variable: {
      top: { volumes: { data: { driver_opts: { type: 'none', o: 'bind', device: '${V}' } } } },
      V: '/mnt/media/x',
      open: 'volumes.data.driver_opts.device',
    },
  },
  {
    name: "a volume's device that is sacred",
    service: { volumes: ['data:/d'] },
    top: { volumes: { data: { driver_opts: { type: 'none', o: 'bind', device: '/etc' } } } },
    denied: ['bind_sacred', '/etc'],
    possible: false,
    variable: {
      top: { volumes: { data: { driver_opts: { type: 'none', o: 'bind', device: '${V}' } } } },
      V: '/etc',
      open: 'volumes.data.driver_opts.device',
    },
  },
  ...[
    { type: 'nfs', o: 'addr=x,rbind', device: '/etc' },
    { type: 'ext4', device: '/dev/sda1' },
    { o: 'bind', device: 'etc' },
  ].map(
    (driver_opts): DeniedCase => ({
      name: `a disguised device: ${JSON.stringify(driver_opts)}`,
      service: { volumes: ['data:/d'] },
      top: { volumes: { data: { driver_opts } } },
      denied: driver_opts.device.startsWith('/') ? ['bind_sacred', driver_opts.device] : ['bind_outside', 'etc'],
      possible: false,
      variable: {
        top: { volumes: { data: { driver_opts: { ...driver_opts, device: '${V}' } } } },
        V: driver_opts.device,
        open: 'volumes.data.driver_opts.device',
      },
    }),
  ),
  {
    name: 'a relative device that compose makes absolute',
    service: { volumes: ['data:/d'] },
    top: { volumes: { data: { driver: 'local', driver_opts: { type: 'none', o: 'bind', device: './x' } } } },
    denied: ['volume_driver_opts', 'device=/opt/stacks/app/x o=bind type=none'],
    possible: true,
    variable: {
      top: { volumes: { data: { driver: 'local', driver_opts: { type: 'none', o: 'bind', device: './${V}' } } } },
      V: 'x',
      open: 'volumes.data.driver_opts.device',
    },
  },
  {
    name: "a volume's driver",
    service: { volumes: [{ type: 'volume', source: 'data', target: '/d' }] },
    top: { volumes: { data: { driver: 'rclone' } } },
    denied: ['volumes', 'data:driver=rclone'],
    possible: true,
    variable: { top: { volumes: { data: { driver: '${V}' } } }, V: 'rclone', open: 'volumes.data.driver' },
  },
  {
    name: "a volume whose name is the host's to say",
    service: { volumes: ['data:/d'] },
    top: { volumes: { data: { driver: 'rclone' } } },
    denied: ['volumes', 'data:driver=rclone'],
    possible: true,
    variable: { service: { volumes: ['${V}:/d'] }, V: 'data', open: 'volumes.0.source' },
  },
  {
    name: 'the host network by an external name',
    service: { networks: ['h'] },
    top: { networks: { h: { external: true, name: 'host' } } },
    denied: ['networks', 'host'],
    possible: false,
    variable: { top: { networks: { h: { external: true, name: '${V}' } } }, V: 'host', open: 'networks.h.name' },
  },
  {
    name: 'the host network as default',
    service: {},
    top: { networks: { default: { external: true, name: 'host' } } },
    denied: ['networks', 'host'],
    possible: false,
    variable: {
      top: { networks: { default: { external: true, name: '${V}' } } },
      V: 'host',
      open: 'networks.default.name',
    },
  },
  {
    name: 'macvlan',
    service: { networks: { lan: { ipv4_address: '10.0.0.2' } } },
    top: { networks: { lan: { driver: 'macvlan' } } },
    denied: ['networks', 'lan:driver=macvlan'],
    possible: true,
    variable: { top: { networks: { lan: { driver: '${V}' } } }, V: 'macvlan', open: 'networks.lan.driver' },
  },
  {
    name: "a network's driver_opts",
    service: { networks: ['lan'] },
    top: { networks: { lan: { driver_opts: { parent: 'eth0' } } } },
    denied: ['networks', 'lan:driver_opts.parent=eth0'],
    possible: true,
    variable: {
      top: { networks: { lan: { driver_opts: { parent: '${V}' } } } },
      V: 'eth0',
      open: 'networks.lan.driver_opts.parent',
    },
  },
  never('provider', { type: 'x' }),
  never('models', ['m']),
  never('use_api_socket', true),
  never('credential_spec', { file: 'x' }),
  never('label_file', './l'),
  never('include', ['x']),
  {
    name: 'a key that is not in the table',
    service: { frobnicate: 1 },
    denied: ['compose_key_unknown', 'frobnicate'],
    possible: false,
  },
  {
    name: 'a key of a mount that is not in the table',
    service: { volumes: [{ type: 'tmpfs', target: '/t', frob: 1 }] },
    denied: ['compose_key_unknown', 'frob'],
    possible: false,
  },
];

/** The document of a case; `variable` puts the variable's version in the place of the text's. */
export function documentOf(given: DeniedCase, variable = false): object {
  const service = variable ? (given.variable?.service ?? given.service) : given.service;
  const top = variable ? (given.variable?.top ?? given.top ?? {}) : (given.top ?? {});
  return { services: { app: { image: 'busybox:1', ...service }, other: { image: 'busybox:1' } }, ...top };
}
