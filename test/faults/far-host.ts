/**
 * A lab's first host behind a wire of its own: the same machine, engine and folders, but its sshd listens in a network namespace. Cut, the wire swallows every
 * packet both ways: nobody is refused, reset or told, as with a firewall or a router that died.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../lab/lab.js';
import { BARE, finish } from '../lab/process.js';
import { until } from './scene.js';

export interface FarHost {
  /** What replaces the host's own in the config. */
  readonly at: { readonly address: string; readonly port: number };
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Takes away all that was made; works on what is there, so that a failed start can call it too. */
  remove(): Promise<void>;
}

const ENV = { ...BARE, PATH: `${BARE.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };

async function must(...[command = '', ...args]: string[]): Promise<void> {
  const { exit, stderr } = await finish(command, args, { env: ENV });
  if (exit !== 0) throw new Error(`${command} ${args.join(' ')} exited ${exit}: ${stderr}`);
}

/** `open`, `refused`, or `silent` where nothing came within the time. */
export function knock({ address, port }: FarHost['at'], ms: number): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = (how: 'open' | 'refused' | 'silent'): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(end, ms, 'silent');
    socket.on('connect', () => end('open'));
    socket.on('error', () => end('refused'));
  });
}

export async function farHost(lab: Lab): Promise<FarHost> {
  const { pid } = process;
  const space = `pctl-far-${pid}`;
  const [here, there] = [`pfa${pid}`, `pfb${pid}`];
  // 198.18.0.0/15 is for measuring networks (RFC 2544): no route leads there. Four addresses a process.
  const part = (pid % 0x8000) * 4;
  const net = `198.${18 + (part >> 16)}.${(part >> 8) & 255}.`;
  const [mine, address] = [`${net}${(part & 255) + 1}`, `${net}${(part & 255) + 2}`];
  const [myMac, itsMac] = ['02:70:63:74:6c:01', '02:70:63:74:6c:02'];
  const inside = ['ip', 'netns', 'exec', space];
  const at = { address, port: 22 };
  const folder = await mkdtemp(join(tmpdir(), 'platformctl-far-'));
  let sshd: ChildProcess | null = null;

  const far: FarHost = {
    at,
    async cut() {
      await must('tc', 'qdisc', 'replace', 'dev', here, 'root', 'blackhole');
      await must(...inside, 'tc', 'qdisc', 'replace', 'dev', there, 'root', 'blackhole');
    },
    async mend() {
      await must(...inside, 'tc', 'qdisc', 'del', 'dev', there, 'root');
      await must('tc', 'qdisc', 'del', 'dev', here, 'root');
    },
    async remove() {
      sshd?.kill('SIGKILL');
      await finish('ip', ['link', 'del', here], { env: ENV });
      await finish('ip', ['netns', 'del', space], { env: ENV });
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await must('ip', 'netns', 'add', space);
    await must(...`ip link add ${here} address ${myMac} type veth peer name ${there} address ${itsMac}`.split(' '));
    await must('ip', 'link', 'set', there, 'netns', space);
    // Each knows where the other is for good: with nobody to answer for it, the kernel itself would say that there is no way.
    const wire = (device: string, own: string, other: string, mac: string): string[] => [
      `ip addr add ${own}/30 dev ${device}`,
      `ip link set ${device} up`,
      `ip neigh replace ${other} lladdr ${mac} dev ${device} nud permanent`,
    ];
    for (const line of wire(here, mine, address, itsMac)) await must(...line.split(' '));
    for (const line of wire(there, address, mine, myMac)) await must(...inside, ...line.split(' '));
    const config = await readFile(join(lab.dir, lab.host().name, 'sshd_config'), 'utf8');
    await writeFile(
      join(folder, 'sshd_config'),
      config
        .replace(/^Port .*$/m, `Port ${at.port}`)
        .replace(/^ListenAddress .*$/m, `ListenAddress ${address}`)
        .replace(/^PidFile .*$/m, `PidFile ${folder}/sshd.pid`),
    );
    // `exec` all the way: the child is sshd itself, which wants to be called by its path.
    const start = `exec "$(command -v sshd)" -D -f "${folder}/sshd_config" -E "${folder}/sshd.log"`;
    sshd = spawn('ip', [...inside.slice(1), 'sh', '-c', start], { env: ENV, stdio: 'ignore', detached: true });
    await until('the sshd behind the wire', async () => (await knock(at, 1_000)) === 'open');
    return far;
  } catch (error) {
    await far.remove();
    throw error;
  }
}
