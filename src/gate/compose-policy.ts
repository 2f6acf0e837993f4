/** G-7: what room compose judged, as a gate. */
import type { Denial, Verdict } from '../compose/model.js';
import { exceptionToPaste } from '../compose/policy.js';
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import { type GateFacts, planAgain } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

export function composeGate(facts: GateFacts): GateVerdict {
  const { plan, stage, compose } = facts;
  // Nothing is started.
  if (plan.kind === 'remove') return verdict('G-7', 'compose policy', []);
  const failures: GateFailure[] = [];
  const seen = new Set<string>();
  for (const judged of [compose.text, compose.resolved]) {
    for (const denial of judged?.denials ?? []) {
      const id = `${denial.rule} ${denial.value}`;
      if (!seen.has(id)) failures.push(denied(plan.module, denial));
      seen.add(id);
    }
  }
  const unknown = (why: string) => failures.push(failure(EXIT_POLICY_VIOLATION, 'PCTL-GATE-COMPOSE', why, null));
  if (compose.text === null) unknown('the compose file was not judged');
  if (compose.resolved === null) {
    if (stage === 'under lock') unknown(`what compose on ${plan.host} makes of the file was not judged`);
  } else {
    failures.push(...unshown(facts, compose.resolved));
  }
  return verdict('G-7', 'compose policy', failures);
}

/** `PCTL-COMPOSE-CAP-ADD` of `cap_add`. */
function denialCode(rule: string): string {
  return `PCTL-COMPOSE-${rule.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '-')}`;
}

function denied(module: string, denial: Denial): GateFailure {
  const { file, line } = denial.where;
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
  const hint = denial.exceptionPossible
    ? `if it must be, under policy.compose.allow in config.yaml: ${exceptionToPaste(module, denial)}`
    : 'there is no exception to this rule';
  return failure(EXIT_POLICY_VIOLATION, denialCode(denial.rule), `${place}${denial.why}`, hint);
}

/** Whoever approved the plan saw its list of exceptions; one that is used now and is not in it was not approved. */
function unshown({ plan }: GateFacts, judged: Verdict): GateFailure[] {
  const shown = new Set(plan.exceptions.map((exception) => `${exception.rule}\0${exception.value}`));
  return judged.exceptions
    .filter((exception) => !shown.has(`${exception.rule}\0${exception.value}`))
    .map((exception) =>
      failure(
        EXIT_POLICY_VIOLATION,
        'PCTL-COMPOSE-EXCEPTION',
        `the exception ${exception.rule}${exception.value === null ? '' : ` ${exception.value}`} is needed and the plan does not show it`,
        planAgain(plan),
      ),
    );
}
