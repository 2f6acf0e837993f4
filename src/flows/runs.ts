/** Runs, as the hosts keep them: from any machine, for they are asked there. */
import { PlatformError } from '../errors.js';
import { failure, readHeld } from '../execute/answers.js';
import { decode, type Exchange, message } from '../execute/protocol.js';
import { EXIT_INVALID, EXIT_NO_CHANGES, type ExitCode, worstExit } from '../exits.js';
import { modulesNamed } from '../manifest/names.js';
import type { World } from '../ports.js';
import { byTime, type Run, readRuns } from '../record/runs.js';
import { whyWords } from '../verify/words.js';
import { hostAddress } from './addresses.js';
import { askHosts, platformOf } from './host-looks.js';
import type { RunsResult } from './results.js';
import { gatherWanted } from './wanted.js';

const LIMIT = { ms: 60_000, step: 'observe' };

export interface Wanted {
  /** null: of all. */
  readonly modules: readonly string[] | null;
  /** How ids begin. */
  readonly prefix: string;
  /** The newest so many of each host. */
  readonly limit: number;
}

/** Runs of one host: who holds a lock is asked before and after, so that one that begins or ends meanwhile is not taken for dead. */
export async function runsOn(exchange: Exchange, host: string, { modules, prefix, limit }: Wanted): Promise<Run[]> {
  const [before, runs, after] = await exchange(
    [message('held'), message('runs', String(limit), modules?.join(' ') ?? '*', prefix), message('held')],
    LIMIT,
  );
  if (!before || !after || runs?.code !== 0)
    throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not list its runs`, runs?.err ?? '');
  const going = [before, after]
    .flatMap((answer) => readHeld(answer, host))
    .map((lock) => /"run_id":"([0-9a-f-]{36})"/.exec(lock.holder)?.[1] ?? '');
  return readRuns(decode(runs.out), host, new Set(going));
}

/** `name`: a module's or a stack's; without one those of every module that ever ran on the hosts. */
export async function runsFlow(
  world: World,
  name: string | undefined,
  options: { readonly host?: string; readonly limit: number },
): Promise<RunsResult> {
  const { platform, git } = await platformOf(world);
  if (options.host !== undefined) hostAddress(platform, options.host);
  const wanted = name === undefined ? null : (await gatherWanted(world, git, { workTree: true })).wanted;
  const modules = wanted && name !== undefined ? modulesNamed(wanted, [name]) : null;
  const declared = modules?.flatMap((id) => wanted?.modules.get(id) ?? []) ?? [];
  // A module that is no longer declared may have run anywhere.
  const asked = declared.length > 0 ? new Set(declared.map((module) => module.host)) : platform.hosts.keys();
  // One more than is shown tells whether there are more.
  const { answers, errors } = await askHosts(
    world,
    platform,
    options.host === undefined ? [...asked] : [options.host],
    (exchange, host) => runsOn(exchange, host, { modules, prefix: '', limit: options.limit + 1 }),
  );
  const all = byTime(answers.flat());
  if (all.length === 0 && name !== undefined && declared.length === 0 && errors.length === 0)
    throw new PlatformError({
      code: 'PCTL-MODULE-UNKNOWN',
      exit: EXIT_INVALID,
      summary: `no module ${name}, and no host has a run of one`,
      hint: 'platformctl runs shows those of every module',
    });
  return {
    runs: all.slice(0, options.limit).map(inWords),
    more: all.length > options.limit,
    errors,
    exitCode: worstExit([EXIT_NO_CHANGES as ExitCode, ...errors.map((error) => error.exitCode)]),
  };
}

const OPEN: Partial<Record<Run['outcome'], string>> = {
  unknown: 'it never told its end',
  interrupted: 'it ended before anything was changed',
};

/** A run with its reason in words. */
export const inWords = (run: Run): Run => ({
  ...run,
  why: run.why === null || run.why === '-' ? (OPEN[run.outcome] ?? null) : whyWords(run.why),
});
