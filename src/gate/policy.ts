/** G-1, the pure part: what judges is the policy ref, and it is still what the plan was made under. */
import { EXIT_POLICY_VIOLATION, EXIT_STALE } from '../exits.js';
import { type GateFacts, planAgain } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

export function policyGate(facts: GateFacts): GateVerdict {
  const { plan, platform, policy } = facts;
  const failures: GateFailure[] = [];
  const bySha = /^[0-9a-f]{40}$/.test(policy.ref);
  if (!bySha && policy.ref !== platform.protectedRef) {
    failures.push(
      failure(
        EXIT_POLICY_VIOLATION,
        'PCTL-POLICY-REF',
        `the policy was read from ${policy.ref}, and its protected_ref is ${platform.protectedRef}`,
        'read it from the protected branch, or set protected_ref there',
      ),
    );
  }
  if (plan.policy.digest !== policy.digest) {
    failures.push(
      failure(
        EXIT_STALE,
        'PCTL-POLICY-MOVED',
        `the policy moved since the plan: it was made under ${plan.policy.sha.slice(0, 7)}, ${policy.sha.slice(0, 7)} judges now`,
        planAgain(plan),
      ),
    );
  }
  return verdict('G-1', 'policy', failures);
}
