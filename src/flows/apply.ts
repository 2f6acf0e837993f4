import { converse } from '../execute/converse.js';
import { message } from '../execute/protocol.js';
import { EXIT_INTERRUPTED, EXIT_NO_CHANGES, EXIT_REMOTE_FAILED } from '../exits.js';
import { evaluate } from '../gate/evaluate.js';
import { changesAnything } from '../gate/facts.js';
import { gatesExit } from '../gate/verdict.js';
import type { Plan } from '../manifest/types.js';
import type { Host, Report, StepEvent, World } from '../ports.js';
import { auditMiddle } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { type ApplyOptions, type Case, openCase } from './apply-case.js';
import { factsWithoutHost } from './apply-facts.js';
import { asGate, type Inside, refused } from './apply-inside.js';
import { underLock } from './apply-locked.js';
import { lostAfterGo } from './apply-run.js';
import { timestamp } from './plan-context.js';
import { failureOf } from './prepare.js';
import { noteHere } from './record-here.js';
import type { ApplyResult } from './results.js';

/** How a person is asked in mode `self`: shows the plan, returns what was typed. */
export interface Ask {
  readonly confirm: (plan: Plan, destructive: boolean) => Promise<'yes' | 'module id' | 'declined' | 'no terminal'>;
}

export async function applyFlow(world: World, options: ApplyOptions, report: Report, ask: Ask): Promise<ApplyResult> {
  const open = await openCase(world, options);
  const result = await applyCase(world, open, report, ask);
  if (options.dryRun || result.outcome === 'no_changes') return result;
  const warning = await noteHere(world, open.git.root, open.plan, result.outcome, result.runId);
  return warning === null ? result : { ...result, notes: [...result.notes, warning] };
}

async function applyCase(world: World, open: Case, report: Report, ask: Ask): Promise<ApplyResult> {
  const started = world.clock.now();
  const { plan, options } = open;
  const step = (name: StepEvent['step'], state: StepEvent['state'], detail: string): void =>
    report({ time: timestamp(world.clock.now()), module: plan.module, step: name, state, detail });
  const base: ApplyResult = {
    module: plan.module,
    host: plan.host,
    composeService: plan.service,
    outcome: 'refused',
    message: '',
    runId: null,
    changed: false,
    digest: plan.digest,
    sourceSha: plan.source_sha,
    stateArtifact: null,
    remote: null,
    error: null,
    gates: [],
    log: [],
    notes: [],
    durationSeconds: 0,
    back: null,
    selfApproved: false,
    approvedBy: [],
    hint: null,
    exitCode: EXIT_NO_CHANGES,
  };
  const end = (members: Partial<ApplyResult>): ApplyResult => ({
    ...base,
    ...members,
    durationSeconds: Math.round((world.clock.now() - started) / 1000),
  });

  let facts = await factsWithoutHost(world, open, 'pending');
  let verdicts = evaluate(facts);
  if (
    gatesExit(verdicts) === EXIT_NO_CHANGES &&
    changesAnything(plan) &&
    verdicts.some((one) => one.gate === 'G-4' && one.state === 'not reached') &&
    !options.dryRun
  ) {
    facts = await factsWithoutHost(world, open, await ask.confirm(plan, plan.destructive.length > 0));
    verdicts = evaluate(facts);
  }
  if (open.errors.length > 0) verdicts = asGate(verdicts, open.errors);
  const exit = gatesExit(verdicts);
  if (exit !== EXIT_NO_CHANGES) return refused(end, verdicts, exit, open);
  step(
    'gates',
    'done',
    `${verdicts.filter((one) => one.state === 'pass').length} of ${verdicts.length}; the rest under the lock`,
  );

  const runId = world.clock.uuid();
  step('connect', 'started', plan.host);
  const shared = { world, open, runId, step, end, self: facts.approval.self, verdicts, gone: { started: false } };
  const connection: { host: Host | null } = { host: null };
  try {
    return await untilGo(world.interrupted, shared.gone, onHost(shared, connection));
  } catch (error) {
    if (error instanceof Interruption) return interruptedBeforeGo(shared);
    return failedOnHost(shared, error);
  } finally {
    await connection.host?.close();
  }
}

/** Steps 3 to 11; what fails before `go` is told to the host's chain as far as it can be. */
async function onHost(
  shared: Omit<Inside, 'host' | 'conversation' | 'exchange'>,
  connection: { host: Host | null },
): Promise<ApplyResult> {
  const { world, open, gone } = shared;
  const host = await world.connect(hostAddress(open.policy.platform, open.plan.host));
  connection.host = host;
  const { conversation, exchange } = await converse(host, open.plan.remote_root, { ms: 30_000, step: 'connect' });
  const inside: Inside = { ...shared, host, conversation, exchange };
  const result = await underLock(inside).catch((error: unknown) => failedOnHost(shared, error));
  if (!gone.started && !open.options.dryRun) await tellHost(inside, result);
  return result;
}

/** An error on the way: before `go` nothing was changed (7), after it nobody here knows (15). */
function failedOnHost(shared: Omit<Inside, 'host' | 'conversation' | 'exchange'>, error: unknown): ApplyResult {
  const { gone, verdicts, end, open, runId } = shared;
  const failure = failureOf(error, open.plan.module);
  if (gone.started) return lostAfterGo(shared, verdicts);
  return end({
    outcome: failure.exitCode === EXIT_REMOTE_FAILED ? 'remote_failed' : 'refused',
    message: failure.summary,
    runId,
    error: failure,
    gates: verdicts,
    hint: failure.hint,
    exitCode: failure.exitCode,
  });
}

function interruptedBeforeGo({ end, runId, verdicts }: Pick<Inside, 'end' | 'runId' | 'verdicts'>): ApplyResult {
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
function untilGo<T>(signal: AbortSignal, gone: { readonly started: boolean }, journey: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (!gone.started) reject(new Interruption());
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    journey.then(resolve, reject);
  });
}

/** A run that got as far as the host stands in the host's chain, whatever became of it. */
async function tellHost(inside: Inside, result: ApplyResult): Promise<void> {
  const { exchange, open, runId, world } = inside;
  if (result.outcome === 'no_changes') return;
  const line = auditMiddle({
    run_id: runId,
    who: world.who,
    module: open.plan.module,
    event: open.plan.kind,
    outcome: result.outcome,
    digest: open.plan.digest,
  });
  await exchange([message('audit', line)], { ms: 30_000, step: 'record' }).catch(() => null);
}
