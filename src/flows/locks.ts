/** Locks that somebody holds, as the hosts tell. */
import { failure, readHeld } from '../execute/answers.js';
import { message } from '../execute/protocol.js';
import { EXIT_NO_CHANGES, type ExitCode, worstExit } from '../exits.js';
import type { World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { askHosts, platformOf } from './host-looks.js';
import type { LockRow, LocksResult } from './results.js';

const LIMIT = { ms: 60_000, step: 'observe' };

/**
 * Every lock that somebody holds, on one host or on all; a host that cannot be asked hides none of the others' (P-9).
 * @throws PlatformError PCTL-GATE-HOST (4): `only` is not in config.yaml
 */
export async function locksFlow(world: World, only: string | undefined): Promise<LocksResult> {
  const { platform } = await platformOf(world);
  if (only !== undefined) hostAddress(platform, only);
  const hosts = only === undefined ? [...platform.hosts.keys()] : [only];
  const { answers, errors } = await askHosts(world, platform, hosts, async (exchange, host) => {
    const [answer] = await exchange([message('held')], LIMIT);
    if (!answer) throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not list its locks`, '');
    return { host, locks: readHeld(answer, host).map((lock) => rowOf(host, lock)) };
  });
  const place = (host: string | undefined): number => hosts.indexOf(host ?? '');
  return {
    locks: [...answers].sort((a, b) => place(a.host) - place(b.host)).flatMap(({ locks }) => locks),
    answered: answers.length,
    errors: [...errors].sort((a, b) => place(a.where?.host) - place(b.where?.host)),
    exitCode: worstExit([EXIT_NO_CHANGES as ExitCode, ...errors.map((error) => error.exitCode)]),
  };
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function rowOf(host: string, lock: ReturnType<typeof readHeld>[number]): LockRow {
  let holder: Record<string, unknown> = {};
  try {
    holder = (JSON.parse(lock.holder) ?? {}) as Record<string, unknown>;
  } catch {
    // a holder that is just writing who it is
  }
  return {
    host,
    name: lock.name,
    state: lock.state,
    runId: text(holder.run_id),
    who: text(holder.who),
    since: text(holder.since),
    sourceSha: text(holder.source_sha),
    ciUrl: text(holder.ci_url),
  };
}
