/** G-8: what cannot be taken back needs an approval that names this very plan. */
import { EXIT_DESTRUCTIVE_NEEDS_APPROVAL } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { Plan } from '../manifest/types.js';
import { PROTECTED_REASON, removedReason, tenantReason } from '../plan/make.js';
import { asksOnTerminal, type Judgement } from './approval.js';
import { changesAnything, type GateFacts, planAgain } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

/** Why a plan is destructive: what it says itself, and what the facts say whether it says so or not. */
function destructiveReasons(facts: GateFacts): string[] {
  const { plan, provenance } = facts;
  const moved = new Set(facts.recreatedBeside.map(tenantReason));
  // Nobody signs a rollback whose release was approved: what it says of itself is no evidence.
  const seen = plan.kind === 'rollback' ? (facts.remade?.destructive ?? []) : [];
  const reasons = new Set([...plan.destructive, ...seen].filter((reason) => !moved.has(reason)));
  if (plan.kind === 'remove') reasons.add(removedReason(plan.service));
  if (provenance.lastApplied?.relation === 'diverged') {
    reasons.add(
      `commit ${plan.source_sha.slice(0, 7)} diverged from ${provenance.lastApplied.sha?.slice(0, 7)}, which runs`,
    );
  }
  if (plan.recreates && (provenance.module?.protected || provenance.wasProtected)) reasons.add(PROTECTED_REASON);
  return [...reasons];
}

export function destructiveGate(facts: GateFacts, judgement: Judgement): GateVerdict {
  const { plan, platform } = facts;
  const failures = notNamed(plan, platform, destructiveReasons(facts), judgement);
  if (failures.length > 0 && judgement.state === 'pending' && asksOnTerminal(plan, platform))
    return verdict('G-8', 'destructive', [], false);
  return verdict('G-8', 'destructive', failures);
}

/** A failure for each reason, where no approval names the plan. */
export function notNamed(
  plan: Plan,
  platform: Platform,
  reasons: readonly string[],
  judgement: Judgement,
): GateFailure[] {
  if (judgement.namesPlan || !changesAnything(plan)) return [];
  // Another plan than that of a rollback may be kept: a dry run keeps none.
  const sign =
    plan.kind === 'rollback'
      ? `${planAgain(plan)}, then approve and apply that file`
      : `platformctl approve ${plan.module}`;
  const hint = platform.approval.modes.includes('self')
    ? `type the module's id when asked, or: ${sign}`
    : `a signature names the plan: ${sign}`;
  return reasons.map((reason) => failure(EXIT_DESTRUCTIVE_NEEDS_APPROVAL, 'PCTL-DESTRUCTIVE', reason, hint));
}
