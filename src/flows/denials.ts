import type { Verdict } from '../compose/model.js';
import { exceptionToPaste } from '../compose/policy.js';
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import type { Failure } from './results.js';

/** One failure for each denial, with the exception to paste where one is possible (G-7). */
export function denialFailures(module: string, verdict: Pick<Verdict, 'denials'>): Failure[] {
  return verdict.denials.map((denial) => ({
    module,
    code: `PCTL-COMPOSE-${denial.rule.toUpperCase().replaceAll('_', '-')}`,
    summary: `compose policy: ${denial.rule}${denial.value === null ? '' : ` ${denial.value}`}`,
    where: denial.where,
    why: denial.why,
    hint: denial.exceptionPossible
      ? `to allow it, in policy.compose.allow of .platform/config.yaml:\n${exceptionToPaste(module, denial)}`
      : null,
    exitCode: EXIT_POLICY_VIOLATION,
    ...(denial.exceptionPossible ? { exception: { rule: denial.rule, value: denial.value } } : {}),
  }));
}
