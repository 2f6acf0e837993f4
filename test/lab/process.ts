/** Processes of tests: a hermetic environment, a deadline, everything they said. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PLATFORMCTL = fileURLToPath(new URL('../../bin/platformctl.js', import.meta.url));

export interface Finished {
  /** null: ended by a signal, or by the deadline. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The whole environment; default: {@link BARE}. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to its stdin, which is then closed. */
  readonly input?: string | Uint8Array;
  /** Default 300 s; then it is killed. */
  readonly timeoutMs?: number;
  /** Sees the process when it runs: to signal it, or to read while it speaks. */
  readonly started?: (child: import('node:child_process').ChildProcess) => void;
}

/** What a process of a test knows of this machine: nothing of the caller's git, docker, CI or SSH settings. */
export const BARE: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/nonexistent',
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
};

/** Runs a program to its end. Rejects only where it cannot be started. */
export function finish(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...(options.env ?? BARE) }, stdio: 'pipe' });
    const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (bytes: Buffer) => said.stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => said.stderr.push(bytes));
    child.on('error', reject);
    // It may end without having read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const deadline = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 300_000);
    // Not `close`: what was started in the background may hold the pipes open.
    child.on('exit', (exit) => {
      clearTimeout(deadline);
      const done = () =>
        resolve({ exit, stdout: `${Buffer.concat(said.stdout)}`, stderr: `${Buffer.concat(said.stderr)}` });
      const patience = setTimeout(done, 2000);
      child.on('close', () => {
        clearTimeout(patience);
        done();
      });
    });
    options.started?.(child);
  });
}

/** Runs the built platformctl in a folder. `env` adds to {@link BARE}. */
export function platformctl(
  directory: string,
  args: readonly string[],
  options: Omit<RunOptions, 'cwd'> = {},
): Promise<Finished> {
  return finish(process.execPath, [PLATFORMCTL, ...args], {
    ...options,
    cwd: directory,
    env: { ...BARE, ...options.env },
  });
}
