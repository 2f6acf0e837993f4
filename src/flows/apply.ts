import { converse } from '../execute/converse.js';
import { message } from '../execute/protocol.js';
import { EXIT_INTERRUPTED, EXIT_NO_CHANGES } from '../exits.js';
import { evaluate } from '../gate/evaluate.js';
import { changesAnything } from '../gate/facts.js';
import { gatesExit } from '../gate/verdict.js';
import type { Plan } from '../manifest/types.js';
import type { Host, Report, StepEvent, World } from '../ports.js';
import { auditMiddle } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { type ApplyOptions, openCase } from './apply-case.js';
import { factsWithoutHost } from './apply-facts.js';
import { asGate, type Inside, refused } from './apply-inside.js';
import { underLock } from './apply-locked.js';
import { timestamp } from './plan-context.js';
import type { ApplyResult } from './results.js';

/** How a person is asked in mode `self`: shows the plan, returns what was typed. */
export interface Ask {
  readonly confirm: (plan: Plan, destructive: boolean) => Promise<'yes' | 'module id' | 'declined' | 'no terminal'>;
}

export async function applyFlow(world: World, options: ApplyOptions, report: Report, ask: Ask): Promise<ApplyResult> {
  const started = world.clock.now();
  const open = await openCase(world, options);
  const { plan } = open;
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
  const gone = { started: false };
  let host: Host | null = null;
  const journey = async (): Promise<ApplyResult> => {
    host = await world.connect(hostAddress(open.policy.platform, plan.host));
    const { conversation, exchange } = await converse(host, plan.remote_root, { ms: 30_000, step: 'connect' });
    const inside: Inside = {
      world,
      open,
      host,
      conversation,
      exchange,
      runId,
      step,
      end,
      self: facts.approval.self,
      verdicts,
      gone,
    };
    const result = await underLock(inside);
    if (!gone.started && !options.dryRun) await tellHost(inside, result);
    return result;
  };
  const leave = async (): Promise<void> => {
    await host?.close();
  };
  try {
    return await untilGo(world.interrupted, gone, journey());
  } catch (error) {
    if (!(error instanceof Interruption)) throw error;
    return end({
      outcome: 'interrupted',
      message: 'interrupted before anything was changed',
      runId,
      gates: verdicts,
      exitCode: EXIT_INTERRUPTED,
    });
  } finally {
    await leave();
  }
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
