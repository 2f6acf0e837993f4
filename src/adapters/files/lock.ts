/**
 * A lock file beside a file of this checkout. It is made by `link`, so it is never seen without its owner's name; one whose owner is gone is taken over. Locks on
 * hosts are not these: there the kernel frees them.
 */
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import { codeOf } from '../file-error.js';

const WAIT_MS = 10_000;
const POLL_MS = 15;
/** Longer than a take-over can last. */
const TAKEOVER_MS = 5_000;
let made = 0;

/**
 * Runs `work` while no other process (or call) holds the lock of `path`.
 * @throws PlatformError PCTL-FILE-LOCKED (2) after 10 s
 */
export async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const own = `${lock}.${process.pid}.${made++}`;
  const name = `${process.pid} ${await startOf(process.pid)} ${hostname()}\n`;
  const file = await open(own, 'w', 0o600);
  try {
    await file.writeFile(name);
    await file.close();
    await take(own, lock, path);
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(own: string, lock: string, path: string): Promise<void> {
  for (const until = Date.now() + WAIT_MS; ; ) {
    try {
      await link(own, lock);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = await contents(lock);
    if (holder !== null && (await isGone(holder))) await takeAway(lock, holder);
    else if (Date.now() > until) throw stillHeld(path, lock, holder);
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS * (0.5 + Math.random())));
  }
}

/** Removes a dead owner's lock, under a lock of its own, so that nobody removes the lock that another has taken over meanwhile. */
async function takeAway(lock: string, holder: string): Promise<void> {
  const guard = `${lock}.takeover`;
  try {
    await (await open(guard, 'wx', 0o600)).close();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const age = Date.now() - (await stat(guard).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > TAKEOVER_MS) await rm(guard, { force: true });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return;
  }
  try {
    if ((await contents(lock)) === holder) await rm(lock, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function contents(lock: string): Promise<string | null> {
  return readFile(lock, 'utf8').catch(() => null);
}

/** Whether the process that a lock names has ended. Of another machine nothing can be said, and of a start that could not be read only as long as the number is used. */
async function isGone(holder: string): Promise<boolean> {
  const [pid = '', start = '', machine = ''] = holder.trim().split(' ');
  if (machine !== hostname() || !/^[0-9]+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
  const now = await startOf(Number(pid));
  return start !== '-' && now !== '-' && start !== now;
}

/** When a process started, in the kernel's ticks, so that a number used again is not taken for its owner; `-` where there is no /proc, or it cannot be read. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
}

function stillHeld(path: string, lock: string, holder: string | null): PlatformError {
  return new PlatformError({
    code: 'PCTL-FILE-LOCKED',
    exit: EXIT_TOOL_ERROR,
    summary: `${path} is locked by another process`,
    where: { file: lock },
    why: `process ${holder?.trim().split(' ')[0] ?? '?'} on ${holder?.trim().split(' ')[2] ?? '?'} has held it for ${WAIT_MS / 1000} s`,
    hint: `where that process is gone: rm ${lock}`,
  });
}
