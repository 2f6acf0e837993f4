/** Runs that recorded their intent and never their end: asks the host for what the judgement needs. */
import { readFiles } from '../execute/answers.js';
import { type Answer, decode, type Exchange, message } from '../execute/protocol.js';
import type { Plan, Status } from '../manifest/types.js';
import { PLAN_MAX_BYTES } from '../plan/artifact.js';
import { type Interrupted, judgeInterrupted } from '../plan/interrupted.js';
import type { Container, Engine, FileSeen, Observation } from '../plan/observation.js';
import { type JournalLine, journalEnd, readJournal } from '../record/journal.js';
import { parseStatus } from '../state/status.js';

const LIMIT = { ms: 60_000, step: 'observe' };

/** null where the status has no intent. Two round trips, only for a module that has one. */
export async function interruptedRun(
  exchange: Exchange,
  host: string,
  status: Status,
  engine: Engine,
  containers: readonly Container[],
  held: boolean,
): Promise<Interrupted | null> {
  if (!status.intent) return null;
  const { plan, journal } = held ? { plan: null, journal: [] } : await intended(exchange, status.intent.run_id);
  let files: ReadonlyMap<string, FileSeen> = new Map();
  const paths = plan?.observed?.identity.files.map((file) => file.path) ?? [];
  const keyed = new Set(plan?.files.filter((file) => file.source === 'host').map((file) => file.path));
  if (paths.length > 0) {
    const plain = paths.filter((path) => !keyed.has(path));
    const secret = paths.filter((path) => keyed.has(path));
    const [first, second] = await exchange([message('files', ...plain), message('keyed', ...secret)], LIMIT);
    if (first && second) files = new Map([...readFiles(first, plain, host), ...readFiles(second, secret, host)]);
  }
  const turned = {
    back: journal.some(
      ({ step, state, exit }) => step === 'back' || (step === 'verify' && state === 'ended' && exit !== 0),
    ),
    rolledBack: journalEnd(journal)?.outcome === 'rolled_back',
  };
  return judgeInterrupted({ status, engine, containers, files, held }, plan, turned);
}

/** What `settled` needs of a look at a host. */
interface Found {
  readonly interrupted: Interrupted | null;
  readonly observation: Pick<Observation, 'status' | 'containers'>;
  readonly plan: Pick<Plan, 'module'>;
}

/**
 * Whoever holds the locks writes what an interrupted run was: the status as it is then, the one that was seen where nothing is to be written or the
 * run left nothing to write with.
 */
export async function settled(exchange: Exchange, host: string, found: Found): Promise<Status | null> {
  const { interrupted, observation, plan } = found;
  const intent = observation.status?.intent;
  if (!interrupted || !intent || interrupted.outcome === 'applying') return observation.status;
  const [only] = observation.containers.length === 1 ? observation.containers : [];
  const { run_id: run, plan_digest: release } = intent;
  const facts = [interrupted.outcome, 'interrupted', only?.id ?? '', only?.configHash ?? '', only?.image ?? ''];
  const [written, status] = await exchange(
    [
      message('settle', run, plan.module, release, ...facts),
      message('get', `state/modules/${plan.module}.status.json`),
    ],
    LIMIT,
  );
  return written?.code === 0 && status ? parseStatus(status.out, { host }) : observation.status;
}

async function intended(
  exchange: Exchange,
  runId: string,
): Promise<{ plan: Plan | null; journal: readonly JournalLine[] }> {
  if (!/^[0-9a-f-]{36}$/.test(runId)) return { plan: null, journal: [] };
  const messages = [message('get', `runs/${runId}/go/plan.json`), message('get', `runs/${runId}/journal`)];
  const [plan, journal] = await exchange(messages, LIMIT);
  return { plan: readPlan(plan), journal: journal?.code === 0 ? readJournal(decode(journal.out)) : [] };
}

function readPlan(answer: Answer | undefined): Plan | null {
  if (answer?.code !== 0 || answer.out.length === 0 || answer.out.length > PLAN_MAX_BYTES) return null;
  try {
    return JSON.parse(decode(answer.out)) as Plan;
  } catch {
    return null;
  }
}
