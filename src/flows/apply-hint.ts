import type { RunEnd } from '../execute/follow.js';
import { planAgain } from '../gate/facts.js';
import type { Plan } from '../manifest/types.js';

/** What to do after a run that ended like this. */
export function hintFor(ended: RunEnd, plan: Plan, runId: string): string | null {
  const folder = `${plan.remote_root}/.platform/runs/${runId}`;
  switch (ended.outcome) {
    case 'rolled_back':
      return `the branch still asks for ${plan.source_sha.slice(0, 7)}; revert it or fix it`;
    case 'rollback_failed':
      return `act now, on ${plan.host}: docker ps -a --filter label=com.docker.compose.project=${plan.project}; what was there is in ${folder}/kept, the output in ${folder}`;
    case 'unknown':
      return `platformctl status ${plan.module}; the journal is ${folder}/journal on ${plan.host}`;
    case 'applied':
      return plan.kind === 'rollback'
        ? `the branch still asks for what was there before; revert it or fix it, for the next apply brings it back`
        : null;
    case 'applied_unrecorded':
      return `${plan.kind === 'remove' ? 'it is gone' : 'it runs'}, but ${plan.host} could not write its record (disk full?): make room, then ${planAgain(plan)}`;
    case 'remote_failed':
      return `nothing was changed; the journal is ${folder}/journal on ${plan.host}`;
    default:
      return null;
  }
}
