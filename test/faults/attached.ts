/** strace on a process that runs already. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Attached {
  /** When all that it traces has ended, or it was let go. */
  readonly ended: Promise<unknown>;
  /** Lets go of what it traces, which goes on. */
  detach(): Promise<void>;
}

/** Resolves once it sees every call. */
export async function attached(pid: number | string, ...args: string[]): Promise<Attached> {
  const strace = spawn('strace', ['-p', String(pid), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'exit');
  let said = '';
  strace.stderr.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  while (!said.includes('attached')) {
    if (strace.exitCode !== null) throw new Error(`strace ended: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return {
    ended,
    async detach() {
      strace.kill('SIGINT');
      await ended;
    },
  };
}
