/** What one run did and said, wherever it is kept (R-8). */
import { PlatformError } from '../errors.js';
import { failure } from '../execute/answers.js';
import { eventOf } from '../execute/follow.js';
import { decode, type Exchange, message } from '../execute/protocol.js';
import { EXIT_INVALID, EXIT_REMOTE_FAILED } from '../exits.js';
import type { Platform, ServiceModule } from '../manifest/model.js';
import type { World } from '../ports.js';
import { type JournalLine, readJournal } from '../record/journal.js';
import { byTime, type Run, readOutputs } from '../record/runs.js';
import { shortRun } from '../run-id.js';
import { hostAddress } from './addresses.js';
import { askHosts, platformOf } from './host-looks.js';
import { withProject } from './project-on.js';
import type { RunLogs } from './results.js';
import { inWords, runsOn } from './runs.js';
import { gatherWanted } from './wanted.js';

const LIMIT = { ms: 60_000, step: 'observe' };
/** Bytes of each output that are fetched, the end of it. */
const OUTPUT_MAX = 1024 * 1024;
/** Runs that an ambiguous beginning names. */
const NAMED = 10;

/** A word that can be the beginning of a run's id. */
const RUN_PREFIX = /^[0-9a-f]{4}[0-9a-f-]{0,32}$/;

/**
 * What `logs NAME` is about: a module that the work tree declares, else a run.
 * @throws PlatformError PCTL-LOGS-UNKNOWN (3)
 */
export async function whoseLogs(
  world: World,
  name: string,
): Promise<{ readonly platform: Platform; readonly module: ServiceModule | null }> {
  const { platform, git } = await platformOf(world);
  const { wanted, read } = await gatherWanted(world, git, { workTree: true });
  const module = wanted.modules.get(name) ?? null;
  if (module || RUN_PREFIX.test(name)) return { platform, module: module && (await withProject(module, read)) };
  throw new PlatformError({
    code: 'PCTL-LOGS-UNKNOWN',
    exit: EXIT_INVALID,
    summary: `${name} is neither a module nor the beginning of a run's id`,
    hint: wanted.stacks.has(name)
      ? `a stack has several containers; name one of its modules: ${[...(wanted.stacks.get(name) ?? [])].slice(0, NAMED).join(', ')}`
      : 'platformctl runs lists runs, platformctl status modules',
  });
}

type Found = { readonly runs: readonly Run[]; readonly logs: RunLogs | null };

/**
 * @param prefix the beginning of a run's id
 * @throws PlatformError PCTL-RUN-UNKNOWN, PCTL-RUN-AMBIGUOUS (3); that of a host which was not reached, where no other has the run
 */
export async function runLogs(
  world: World,
  platform: Platform,
  prefix: string,
  only: string | undefined,
): Promise<RunLogs> {
  if (only !== undefined) hostAddress(platform, only);
  const hosts = only === undefined ? [...platform.hosts.keys()] : [only];
  const { answers, errors } = await askHosts(
    world,
    platform,
    hosts,
    (exchange, host): Promise<Found> => findRun(exchange, host, prefix),
  );
  const runs = byTime(answers.flatMap((answer) => answer.runs));
  if (runs.length > 1) throw ambiguous(prefix, runs);
  const logs = answers.find((answer) => answer.logs)?.logs;
  if (logs) return { ...logs, notAsked: errors };
  const [error] = errors;
  throw new PlatformError({
    code: 'PCTL-RUN-UNKNOWN',
    exit: error ? EXIT_REMOTE_FAILED : EXIT_INVALID,
    summary: `no run ${prefix} is kept${error ? ' on the hosts that could be asked' : ''}`,
    ...(error?.where ? { where: error.where } : {}),
    ...(error ? { why: `not asked: ${errors.map((one) => `${one.where?.host}: ${one.summary}`).join('; ')}` } : {}),
    hint: 'platformctl runs lists those that are',
  });
}

async function findRun(exchange: Exchange, host: string, prefix: string): Promise<Found> {
  const runs = await runsOn(exchange, host, { modules: null, prefix, limit: NAMED });
  const [run] = runs;
  if (!run || runs.length > 1) return { runs, logs: null };
  const [journal, outputs, still] = await exchange(
    [
      message('get', `runs/${run.id}/journal`),
      message('logs', run.id, String(OUTPUT_MAX)),
      message('runs', '1', '*', run.id),
    ],
    LIMIT,
  );
  const read = outputs?.code === 0 ? readOutputs(outputs.out) : null;
  if (!journal || !read)
    throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not give the run's outputs`, outputs?.err ?? '');
  // Removed meanwhile (R-8): a part of it would look like the whole.
  if (still?.out.length === 0) return { runs: [], logs: null };
  const lines = readJournal(decode(journal.out));
  return { runs, logs: { run: inWords(run), journal: lines, steps: stepsOf(lines), outputs: read, notAsked: [] } };
}

function stepsOf(journal: readonly JournalLine[]): RunLogs['steps'] {
  const since = journal[0]?.at ?? 0;
  return journal.flatMap((line) => {
    const event = eventOf(line, '', '');
    return event
      ? { at: Math.max(0, line.at - since), step: event.step, state: event.state, detail: event.detail }
      : [];
  });
}

function ambiguous(prefix: string, runs: readonly Run[]): PlatformError {
  const named = runs
    .slice(0, NAMED)
    .map((run) => `${unique(run.id, runs)}  ${run.module ?? '-'} on ${run.host}, ${run.startedAt ?? 'no time'}`);
  return new PlatformError({
    code: 'PCTL-RUN-AMBIGUOUS',
    exit: EXIT_INVALID,
    summary: `${runs.length >= NAMED ? 'several' : runs.length} runs begin with ${prefix}`,
    why: named.join('\n'),
    hint: `platformctl logs ${unique((runs[0] as Run).id, runs)}`,
  });
}

/** As much of an id as tells it from the others, never less than people see elsewhere. */
function unique(id: string, among: readonly Run[]): string {
  let text = shortRun(id);
  while (text.length < id.length && among.some((run) => run.id !== id && run.id.startsWith(text)))
    text = id.slice(0, text.length + 1);
  return text;
}
