/** A lab for tests, demo and benchmarks: real sshd hosts, a real engine (lab.sh). Has no part of vitest in it; tests that share one take shared.ts. */
import { rename, symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Finished, finish, type RunOptions } from './process.js';

const SCRIPT = fileURLToPath(new URL('./lab.sh', import.meta.url));

export type ComposeVersion = '2.26' | '2.40';

/** A host of a lab as lab.sh prints it: an sshd on 127.0.0.1. */
export interface LabHost {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA...` */
  readonly host_key: string;
  readonly known_hosts_line: string;
  /** Owned by `user`. Every throwaway repo takes a folder of its own beneath it. */
  readonly remote_root: string;
  readonly docker_config: string;
  readonly sshd_pid: number;
}

/** What `lab.sh start` prints. */
export interface LabSettings {
  readonly dir: string;
  /** The engine on the default socket is one that a lab started. */
  readonly engine_started: boolean;
  readonly own_engine: boolean;
  readonly hosts: readonly LabHost[];
  /** The private key's path. */
  readonly client_key: string;
  /** `ssh-ed25519 AAAA...` */
  readonly client_public_key: string;
  /** Image ids by reference: `lab/busybox:1` and `lab/busybox:2`. */
  readonly images: Readonly<Record<string, string>>;
  /** Paths of the plugins. */
  readonly compose: Readonly<Record<ComposeVersion, string>>;
  readonly compose_versions: Readonly<Record<ComposeVersion, string>>;
}

export interface Lab extends LabSettings {
  /** A host by its name; without one the first. */
  host(name?: string): LabHost;
  /** Runs a shell command as the agent, through a real ssh login. */
  asAgent(host: LabHost | string, command: string, options?: RunOptions): Promise<Finished>;
  /** docker against the engine that the lab's hosts use, as whoever calls; throws where it fails. The output without the last newline. */
  docker(...args: string[]): Promise<string>;
  /** Swaps the host's compose plugin, as an upgrade of its package would. */
  setCompose(host: LabHost | string, version: ComposeVersion): Promise<void>;
  /** Of a lab with `ownEngine`: stops its dockerd and starts it again. */
  restartEngine(): Promise<void>;
  /** Stops what this lab started and removes what is its own. A shared lab's does nothing. */
  stop(): Promise<void>;
}

export interface LabOptions {
  /** Default 1; they are called host1, host2, ... */
  readonly hosts?: number;
  /** Default 2.26. */
  readonly compose?: ComposeVersion;
  /** A dockerd that only this lab uses: for what must be alone on an engine, or restarts it. */
  readonly ownEngine?: boolean;
}

async function labScript(args: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await finish(SCRIPT, args, { env: process.env, timeoutMs: 600_000 });
  if (exit !== 0) throw new Error(`lab.sh ${args.join(' ')} exited ${exit}:\n${stderr}`);
  return stdout;
}

/** A lab from its settings. `owned`: whether its `stop` stops it. */
export function labFrom(settings: LabSettings, owned: boolean): Lab {
  const host = (name?: string): LabHost => {
    const found = name === undefined ? settings.hosts[0] : settings.hosts.find((one) => one.name === name);
    if (!found) throw new Error(`the lab has no host ${name}`);
    return found;
  };
  const resolve = (which: LabHost | string): LabHost => (typeof which === 'string' ? host(which) : which);
  return {
    ...settings,
    host,
    asAgent(which, command, options = {}) {
      const { port, user } = resolve(which);
      // The host key is checked by what is under test; here a login must only reach its port.
      const login = '-F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=15 -o LogLevel=ERROR';
      const trust = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null';
      const args = [...`${login} ${trust}`.split(' '), '-i', settings.client_key, '-p', `${port}`, `${user}@127.0.0.1`];
      return finish('ssh', [...args, command], options);
    },
    async docker(...args) {
      const socket = settings.own_engine ? ['--host', `unix://${settings.dir}/docker.sock`] : [];
      const { exit, stdout, stderr } = await finish('docker', [...socket, ...args]);
      if (exit !== 0) throw new Error(`docker ${args.join(' ')} exited ${exit}: ${stderr}`);
      return stdout.trimEnd();
    },
    async setCompose(which, version) {
      const plugin = `${resolve(which).docker_config}/cli-plugins/docker-compose`;
      await symlink(settings.compose[version], `${plugin}.new`);
      await rename(`${plugin}.new`, plugin);
    },
    async restartEngine() {
      await labScript(['restart-engine', settings.dir]);
    },
    async stop() {
      if (owned) await labScript(['stop', settings.dir]);
    },
  };
}

/** Starts a lab of one's own. Whoever starts one stops it, in `afterAll`. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const args = ['start', '--hosts', `${options.hosts ?? 1}`, '--compose', options.compose ?? '2.26'];
  if (options.ownEngine) args.push('--own-engine');
  return labFrom(JSON.parse(await labScript(args)) as LabSettings, true);
}
