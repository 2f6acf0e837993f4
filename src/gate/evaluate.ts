/** All gates over the same facts: called with what is known without the host, and again under the lock. */
import { approvalGate, judgeApproval } from './approval.js';
import { composeGate } from './compose-policy.js';
import { destructiveGate } from './destructive.js';
import type { GateFacts } from './facts.js';
import { freshnessGate } from './freshness.js';
import { hostsGate } from './hosts.js';
import { phaseGate } from './phase.js';
import { policyGate } from './policy.js';
import { provenanceGate } from './provenance.js';
import { sacredGate } from './sacred-paths.js';
import type { GateVerdict } from './verdict.js';

/** The nine verdicts, in order; every gate is evaluated whatever the others say. `gatesExit` makes the exit of them. */
export function evaluate(facts: GateFacts): GateVerdict[] {
  const judgement = judgeApproval(facts.plan, facts.platform, facts.approval, facts.stage);
  return [
    policyGate(facts),
    phaseGate(facts),
    provenanceGate(facts),
    approvalGate(judgement),
    sacredGate(facts),
    hostsGate(facts),
    composeGate(facts),
    destructiveGate(facts, judgement),
    freshnessGate(facts),
  ];
}
