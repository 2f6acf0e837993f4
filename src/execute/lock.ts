/** Taking the locks of a plan on its host, inside an open conversation. */
import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import { sha256 } from '../plan/artifact.js';
import type { Clock } from '../ports.js';
import { BUSY, type HeldLock, readHeld } from './answers.js';
import { type Exchange, message, put } from './protocol.js';

export interface Holder {
  readonly run_id: string;
  readonly who: string;
  /** YYYY-MM-DDTHH:MM:SSZ */
  readonly since: string;
  readonly source_sha: string;
  readonly ci_url: string | null;
}

const RETRY_MS = 1_000;

/** One per module, one per compose project, one per path that modules of several projects share; sorted, so that nobody waits for each other. */
export function lockNames(module: string, project: string, sharedPaths: readonly string[]): string[] {
  const names = [
    `module.${module}`,
    `project.${project}`,
    ...sharedPaths.map((path) => `path.${sha256(path).slice(0, 32)}`),
  ];
  return [...new Set(names)].sort();
}

const notTaken = (host: string, why: string): PlatformError =>
  new PlatformError({
    code: 'PCTL-LOCK',
    exit: EXIT_REMOTE_FAILED,
    summary: `the locks could not be taken on ${host}`,
    where: { host, step: 'lock' },
    why,
    hint: 'is the disk full there, or does .platform/locks in remote_root belong to somebody else? Nothing was changed',
  });

/**
 * null: taken; else who has one of them, after `waitSeconds` of trying.
 * @throws PlatformError PCTL-LOCK (7)
 */
export async function takeLocks(
  exchange: Exchange,
  host: string,
  clock: Clock,
  names: readonly string[],
  holder: Holder,
  waitSeconds: number,
  waiting: (held: HeldLock | null) => void,
): Promise<{ busy: HeldLock | null } | null> {
  const until = clock.now() + waitSeconds * 1000;
  const text = new TextEncoder().encode(`${JSON.stringify(holder)}\n`);
  for (;;) {
    // talk.sh takes the last name first to be wrapped, so that the first one is taken first.
    const messages = [...put('holder', text), message('lock', holder.run_id, ...[...names].reverse())];
    const answer = (await exchange(messages, { ms: 30_000, step: 'lock' })).at(-1);
    if (answer?.code === 0) return null;
    if (answer?.code !== BUSY) throw notTaken(host, answer?.err ?? '');
    const held = readHeld(answer, host).find((lock) => names.includes(lock.name)) ?? null;
    if (clock.now() >= until) return { busy: held };
    waiting(held);
    await clock.sleep(RETRY_MS);
  }
}

/** As takeLocks, for who only looks. */
export async function lookAtLocks(
  exchange: Exchange,
  host: string,
  names: readonly string[],
): Promise<{ busy: HeldLock } | null> {
  const [answer] = await exchange([message('held')], { ms: 30_000, step: 'lock' });
  const held = answer && readHeld(answer, host).find((lock) => names.includes(lock.name));
  return held ? { busy: held } : null;
}

const WORD_MS = 10_000;

/** What takes its time while the locks are held, and asks the host nothing: a word is said every 10 s, for after 60 s without one the host lets go. */
export async function meanwhile<T>(exchange: Exchange, clock: Clock, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const words = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(WORD_MS, over.signal);
      if (over.signal.aborted) return;
      // A line that is lost is told by whoever needs it next.
      await exchange([message('held')], { ms: 30_000, step: 'lock' }).catch(() => over.abort());
    }
  };
  const said = words();
  try {
    return await work;
  } finally {
    over.abort();
    await said;
  }
}
