/** One plan of an apply on its host: steps 3 to 11, and what becomes of it when the line, the host or a person ends it. */
import { asPlatformError, PlatformError } from '../errors.js';
import { message } from '../execute/protocol.js';
import { EXIT_INTERRUPTED, EXIT_REMOTE_FAILED } from '../exits.js';
import { readHeadWords } from '../record/heads.js';
import { auditEntry, auditMiddle } from '../state/audit.js';
import type { Inside, Underway } from './apply-inside.js';
import type { Line } from './apply-line.js';
import { underLock } from './apply-locked.js';
import { lostAfterGo } from './apply-run.js';
import { rememberHeads } from './heads.js';
import { failureOf } from './prepare.js';
import type { ApplyResult } from './results.js';

/** Never rejects: the results of the other plans of its call are not to be lost for it. */
export async function applyOne(underway: Underway, line: Line): Promise<ApplyResult> {
  const passed = underway.verdicts.filter((one) => one.state === 'pass').length;
  try {
    underway.step('gates', 'done', `${passed} of ${underway.verdicts.length}; the rest under the lock`);
    underway.step('connect', 'started', underway.open.plan.host);
    return await untilGo(underway, onHost(underway, line));
  } catch (error) {
    // A line that failed, or that still carries what was interrupted, is nobody's to talk on.
    await line.drop();
    if (error instanceof Interruption) return interrupted(underway);
    return failed(underway, error);
  }
}

/** Steps 3 to 11; what fails before `go` is told to the host's chain as far as it can be. */
async function onHost(underway: Underway, line: Line): Promise<ApplyResult> {
  const { open, gone } = underway;
  const root = open.plan.remote_root;
  const inside: Inside = {
    ...underway,
    ...(await line.talk(root)),
    lockWait: Math.max(open.options.lockWait, line.lost ? HOST_PATIENCE_SECONDS : 0),
    again: (waiting) => line.talkAgain(root, waiting),
  };
  let result: ApplyResult;
  try {
    result = await underLock(inside);
  } catch (error) {
    result = failed(underway, error);
  }
  if (!gone.started && !open.options.dryRun && result.outcome !== 'no_changes') {
    await tellHost(inside, result);
    if (result.outcome !== 'busy') result = { ...result, runId: inside.runId };
  }
  await inside.conversation.end({ ms: 10_000, step: 'release' }).catch(() => line.drop());
  return result;
}

/** After a lost connection the old conversation may hold the locks for as long as talk.sh waits for a word, and a little more. */
const HOST_PATIENCE_SECONDS = 75;

/** An error on the way, whatever it is: before `go` nothing was changed (7; 2 where it is a mistake of ours), after it nobody here knows (15). */
function failed(underway: Underway, error: unknown): ApplyResult {
  const { gone, verdicts, end, open, runId } = underway;
  const failure = failureOf(asPlatformError(error), open.plan.module);
  const unforeseen = error instanceof PlatformError ? {} : { error: failure, thrown: error };
  if (gone.started) {
    const left = lostAfterGo(underway, verdicts);
    if (error instanceof PlatformError) return left;
    return { ...left, ...unforeseen, message: `${failure.summary} (${failure.why}); the host goes on by itself` };
  }
  return end({
    outcome: failure.exitCode === EXIT_REMOTE_FAILED ? 'remote_failed' : 'refused',
    message: failure.summary,
    runId,
    error: failure,
    gates: verdicts,
    hint: failure.hint,
    exitCode: failure.exitCode,
    ...unforeseen,
  });
}

function interrupted({ end, runId, verdicts }: Underway): ApplyResult {
  return end({
    outcome: 'interrupted',
    message: 'interrupted before anything was changed',
    runId,
    gates: verdicts,
    exitCode: EXIT_INTERRUPTED,
  });
}

class Interruption extends Error {}

/** Ctrl-C before `go` ends at once, for nothing was changed; after it the run on the host is seen through. */
function untilGo<T>({ world, gone }: Underway, journey: Promise<T>): Promise<T> {
  const signal = world.interrupted;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (!gone.started) reject(new Interruption());
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    journey.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The code of what stopped it: its journal has room for a word. */
const whyOf = ({ error, gates }: ApplyResult): string =>
  error?.code ?? gates.flatMap((gate) => gate.failures)[0]?.code ?? '-';

/** A run that got as far as the host stands in the host's chain, whatever became of it. */
async function tellHost(inside: Inside, result: ApplyResult): Promise<void> {
  const { exchange, open, runId, world } = inside;
  const run = { id: runId, who: world.who, approvedBy: result.approvedBy, policy: open.policy };
  const line = auditMiddle(auditEntry(open.plan, run, result.outcome));
  const answers = await exchange([message('audit', line, result.outcome, String(result.exitCode), whyOf(result))], {
    ms: 30_000,
    step: 'record',
  }).catch(() => null);
  const head = readHeadWords(answers?.[0]?.out ?? new Uint8Array());
  if (head) await rememberHeads(world, open.git.root, open.plan.host, [head]);
}
