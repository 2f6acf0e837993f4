/** Runs that recorded their intent and never their end: asks the host for what the judgement needs. */
import { readFiles } from '../execute/answers.js';
import { decode, type Exchange, message } from '../execute/protocol.js';
import type { Plan, Status } from '../manifest/types.js';
import { PLAN_MAX_BYTES } from '../plan/artifact.js';
import { type Interrupted, judgeInterrupted } from '../plan/interrupted.js';
import type { Container, Engine, FileSeen } from '../plan/observation.js';

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
  const plan = held ? null : await intendedPlan(exchange, status.intent.run_id);
  let files: ReadonlyMap<string, FileSeen> = new Map();
  const paths = plan?.observed?.identity.files.map((file) => file.path) ?? [];
  const keyed = new Set(plan?.files.filter((file) => file.source === 'host').map((file) => file.path));
  if (paths.length > 0) {
    const plain = paths.filter((path) => !keyed.has(path));
    const secret = paths.filter((path) => keyed.has(path));
    const [first, second] = await exchange([message('files', ...plain), message('keyed', ...secret)], LIMIT);
    if (first && second) files = new Map([...readFiles(first, plain, host), ...readFiles(second, secret, host)]);
  }
  return judgeInterrupted({ status, engine, containers, files, held }, plan);
}

async function intendedPlan(exchange: Exchange, runId: string): Promise<Plan | null> {
  if (!/^[0-9a-f-]{36}$/.test(runId)) return null;
  const [answer] = await exchange([message('get', `runs/${runId}/go/plan.json`)], LIMIT);
  if (answer?.code !== 0 || answer.out.length === 0 || answer.out.length > PLAN_MAX_BYTES) return null;
  try {
    return JSON.parse(decode(answer.out)) as Plan;
  } catch {
    return null;
  }
}
