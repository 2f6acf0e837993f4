/** The machine that platformctl runs on, as a host: programs are child processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import type { Environment, Host, Program } from '../../ports.js';
import { talkOver } from '../conversation.js';
import { DUPLEX_BOUNDS, type Duplex, type DuplexBounds, type End, lost, runOver } from '../duplex.js';

const KILL_AFTER_MS = 10_000;
/** All that a child gets of our environment (M-6). */
const PASSED_ON = ['PATH', 'HOME', 'DOCKER_CONFIG'];

export interface LocalDeps {
  readonly environment: Environment;
  /** A line for people. */
  warn(text: string): void;
  /** Absent: the spec's. */
  readonly host?: { readonly bounds?: DuplexBounds; readonly killAfterMs?: number };
}

/** G-6: `local` is whoever calls, with a warning for root. */
export function createLocalHost(name: string, deps: LocalDeps): Host {
  const { uid, username } = userInfo();
  if (uid === 0)
    deps.warn(`${name} is this machine and you are root: what platformctl writes here will belong to root`);
  const bounds = deps.host?.bounds ?? DUPLEX_BOUNDS;
  const env: Record<string, string> = {};
  for (const variable of PASSED_ON) {
    const value = deps.environment.get(variable);
    if (value !== undefined) env[variable] = value;
  }
  const running = new Set<Duplex>();
  const start = (program: Program): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', 'eval "$1"', 'platformctl', program.text, ...program.args], {
        env,
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        cwd: '/',
      });
      // Before `spawn`: there is no sh, or no process can be made.
      child.once('error', () => reject(lost(name, program.name, 'sh could not be started')));
      child.once('spawn', () => {
        const duplex = overChild(child, deps.host?.killAfterMs ?? KILL_AFTER_MS);
        running.add(duplex);
        void duplex.closed.then(() => running.delete(duplex));
        resolve(duplex);
      });
    });

  return {
    name,
    run: async (program, input, limit) => runOver(await start(program), name, input, limit, bounds),
    talk: async (program) => talkOver(await start(program), name, bounds),
    describe: () => ({ transport: 'local', address: 'localhost', user: username, identity: null, hostKey: null }),
    async close() {
      // As the end of a connection would: their input ends, and nobody listens to them any more.
      for (const duplex of running) {
        duplex.input.end();
        duplex.output.destroy();
        duplex.errors.destroy();
      }
    },
  };
}

function overChild(child: ChildProcess, killAfterMs: number): Duplex {
  const { stdin, stdout, stderr, pid } = child;
  if (!stdin || !stdout || !stderr || pid === undefined) throw new TypeError('a child without pipes');
  let stopping = false;
  /** false: nothing of the group is left. 0 only asks. */
  const signal = (name: 'SIGTERM' | 'SIGKILL' | 0): boolean => {
    try {
      return process.kill(-pid, name);
    } catch {
      return false;
    }
  };
  return {
    input: stdin,
    output: stdout,
    errors: stderr,
    exited: new Promise((resolve) => child.once('exit', () => resolve())),
    closed: new Promise<End>((resolve) => child.once('close', (code) => resolve({ code, lost: false }))),
    stop() {
      if (stopping) return;
      stopping = true;
      stdout.resume();
      stderr.resume();
      signal('SIGTERM');
      // A group whose leader is gone may still hold others: KILL goes to whatever is left of it, and this process stays until then.
      const timer = setTimeout(signal, killAfterMs, 'SIGKILL');
      child.once('close', () => {
        if (!signal(0)) clearTimeout(timer);
      });
    },
  };
}
