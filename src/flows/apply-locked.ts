/** Steps 3 and 4 of an apply: the locks, and the gates again over what is seen under them. */
import { PlatformError } from '../errors.js';
import { upCommand } from '../execute/go.js';
import { lockNames, lookAtLocks, meanwhile, takeLocks } from '../execute/lock.js';
import type { Exchange } from '../execute/protocol.js';
import { EXIT_BUSY, EXIT_CHANGES, EXIT_NO_CHANGES, EXIT_REMOTE_FAILED, EXIT_STALE, EXIT_TOOL_ERROR } from '../exits.js';
import { evaluate } from '../gate/evaluate.js';
import { changesAnything, planAgain } from '../gate/facts.js';
import { type GateVerdict, gatesExit } from '../gate/verdict.js';
import { quote } from '../quote.js';
import { shortRun } from '../run-id.js';
import type { Case } from './apply-case.js';
import { factsUnderLock } from './apply-facts.js';
import { asGate, describeHolder, type Inside, refused } from './apply-inside.js';
import { run } from './apply-run.js';
import { forgetOldRuns } from './forget.js';
import { settled } from './interrupted.js';
import { fail, type Looked, type PlanContext } from './looks.js';
import { lookAtHost } from './observe-host.js';
import { timestamp } from './plan-context.js';
import { lookToRemove } from './removal-look.js';
import type { ApplyResult, Failure } from './results.js';

/** Steps 3 to 11. */
export async function underLock(inside: Inside): Promise<ApplyResult> {
  const { world, open, exchange, runId, step, end } = inside;
  const { plan, options } = open;
  const names = lockNames(plan.module, plan.project, open.sharedPaths);
  const since = timestamp(world.clock.now());
  const busy = options.dryRun
    ? await lookAtLocks(exchange, plan.host, names)
    : await takeLocks(
        exchange,
        plan.host,
        world.clock,
        names,
        { run_id: runId, who: world.who, since, source_sha: plan.source_sha, ci_url: world.ciUrl },
        inside.lockWait,
        (held) => step('lock', 'waiting', held ? `held by ${describeHolder(held.holder)}` : 'held'),
      );
  if (busy) {
    const who = busy.busy
      ? `${busy.busy.name} is ${busy.busy.state === 'held' ? 'held' : 'still held by what a dead run started'}: ${describeHolder(busy.busy.holder)}`
      : 'a lock is held';
    return end({
      outcome: 'busy',
      message: who,
      gates: inside.verdicts,
      exitCode: EXIT_BUSY,
      hint: `wait for it (--lock-wait SECONDS), or look: platformctl lock list --host ${plan.host}`,
    });
  }
  if (!options.dryRun) step('lock', 'done', `taken, run ${shortRun(runId)}`);

  const context = { ...open.context, holding: !options.dryRun };
  const look =
    plan.kind === 'remove'
      ? await lookToRemoveAgain(exchange, open, context)
      : await lookAtHost(exchange, plan.host, open.prepared, context);
  const [seen] = look.looked;
  if (!seen) {
    const [error] = look.errors;
    if (!error) throw garbled(plan.host);
    const verdicts = asGate(inside.verdicts, look.errors);
    if (error.exitCode !== EXIT_REMOTE_FAILED) return refused(end, verdicts, gatesExit(verdicts), open);
    return end({
      outcome: 'remote_failed',
      message: error.summary,
      error,
      gates: inside.verdicts,
      exitCode: error.exitCode,
      hint: error.hint,
    });
  }
  const status = options.dryRun ? seen.observation.status : await settled(exchange, plan.host, seen);
  const now = { ...seen, observation: { ...seen.observation, status } };
  if (!options.dryRun && changesAnything(plan)) {
    const { host, module } = plan;
    await forgetOldRuns(exchange, { module, host, status }, open.policy.platform.retention, world.clock.now());
  }
  const facts = await meanwhile(exchange, world.clock, factsUnderLock(world, open, now, inside.host, inside.self));
  const gates = evaluate(facts.gates);
  const exit = gatesExit(gates);
  if (exit !== EXIT_NO_CHANGES) return refused(end, gates, exit, open);
  if (!changesAnything(plan)) {
    if (now.plan.exitCode === 0) return end({ outcome: 'no_changes', message: 'nothing to do', gates });
    const first = now.plan.changes.find((change) => change.action !== 'none');
    return end({
      outcome: 'stale',
      message: `there is something to do by now: ${first?.reasons.join('; ')}`,
      gates,
      exitCode: EXIT_STALE,
      hint: planAgain(plan),
    });
  }
  if (plan.delivery === 'verify') {
    const other = plan.files.find(
      (file) => file.source === 'commit' && now.observation.files.get(file.path)?.digest !== file.sha256,
    );
    if (other)
      return end({
        outcome: 'stale',
        message: `${other.path} on ${plan.host} is not the commit's`,
        gates,
        exitCode: EXIT_STALE,
        hint: `bring the checkout there to ${plan.source_sha.slice(0, 7)} first`,
      });
  }
  step('observe', 'done', 'as planned');
  const command = upCommand(plan, now.dotenv, runId);
  if (options.dryRun) return await dryRun(inside, gates, command, facts.approvedBy, facts.selfApproved);
  return await run(inside, now, gates, since, facts);
}

/** As lookAtHost, of a removal. Nothing there any more: somebody else removed it since the plan. */
async function lookToRemoveAgain(
  exchange: Exchange,
  { plan, policy }: Case,
  context: PlanContext,
): Promise<{ looked: readonly Looked[]; errors: readonly Failure[] }> {
  const host = policy.platform.hosts.get(plan.host);
  const look = host ? await lookToRemove(exchange, host, plan.module, context) : null;
  if (look) return { looked: [look], errors: [] };
  const gone = `nothing of ${plan.module} is applied on ${plan.host} any more`;
  return { looked: [], errors: [fail(plan.module, 'PCTL-PLAN-STALE', EXIT_STALE, gone, planAgain(plan))] };
}

const garbled = (host: string): PlatformError =>
  new PlatformError({ code: 'PCTL-HOST-ANSWER', exit: EXIT_TOOL_ERROR, summary: `${host} could not be observed` });

async function dryRun(
  inside: Inside,
  gates: readonly GateVerdict[],
  command: readonly string[] | null,
  approvedBy: readonly string[],
  selfApproved: boolean,
): Promise<ApplyResult> {
  const { open, end } = inside;
  await inside.conversation.end({ ms: 10_000, step: 'release' }).catch(() => null);
  const phase = open.beside.length > 0 || open.plan.kind === 'rollback' ? '06' : '05';
  // A rollback's dry run keeps no plan: what is kept for the module is another one.
  const again =
    open.plan.kind === 'rollback'
      ? `rollback ${open.plan.module} --to ${open.plan.source_sha.slice(0, 12)}`
      : `apply ${open.plan.module}`;
  const notes = [`to apply it: PLATFORMCTL_PHASE=${phase}`];
  return end({
    outcome: 'would_apply',
    message: command
      ? `would run: ${command.map(quote).join(' ')}`
      : open.plan.kind === 'remove'
        ? `would stop and remove the container of ${open.plan.service}`
        : 'would record what runs, and touch nothing',
    gates,
    notes,
    approvedBy,
    selfApproved,
    exitCode: EXIT_CHANGES,
    hint: `PLATFORMCTL_PHASE=${phase} platformctl ${again}`,
  });
}
