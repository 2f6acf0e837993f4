import { EXIT_STALE } from '../exits.js';
import { planAgain } from '../gate/facts.js';
import type { GateVerdict } from '../gate/verdict.js';
import type { StepEvent, World } from '../ports.js';
import { shortRun } from '../run-id.js';
import type { Case } from './apply-case.js';
import type { factsUnderLock } from './apply-facts.js';
import type { Talk } from './apply-line.js';
import type { ApplyResult, Failure } from './results.js';

/** An apply of one plan that passed the gates which need no host. */
export interface Underway {
  readonly world: World;
  readonly open: Case;
  readonly runId: string;
  readonly step: (name: StepEvent['step'], state: StepEvent['state'], detail: string) => void;
  readonly end: (members: Partial<ApplyResult>) => ApplyResult;
  readonly self: Parameters<typeof factsUnderLock>[4];
  readonly verdicts: readonly GateVerdict[];
  /** Set when `go` is said: from then on the host needs nobody. */
  readonly gone: { started: boolean };
}

/** With its conversation open. */
export interface Inside extends Underway, Talk {
  /** Seconds. */
  readonly lockWait: number;
  /** Another conversation with the host, after the line was lost. @throws PlatformError where it does not come back in time */
  readonly again: (waiting: (seconds: number) => void) => Promise<Talk>;
}

/** A refusal with every gate's failures. */
export function refused(
  end: Inside['end'],
  gates: readonly GateVerdict[],
  exitCode: ApplyResult['exitCode'],
  open: Case,
): ApplyResult {
  const failures = gates.flatMap((gate) => gate.failures);
  const stale = exitCode === EXIT_STALE;
  return end({
    outcome: stale ? 'stale' : 'refused',
    message: failures[0]?.why ?? 'refused',
    gates,
    exitCode,
    hint: failures.find((failure) => failure.exitCode === exitCode)?.hint ?? planAgain(open.plan),
  });
}

/** Failures of single modules as those of a gate, so that a refusal shows them with all others. */
export function asGate(gates: readonly GateVerdict[], errors: readonly Failure[]): GateVerdict[] {
  const failures = errors.map(({ code, summary, why, hint, exitCode }) => ({
    code,
    check: null,
    why: why === null ? summary : `${summary}: ${why}`,
    hint,
    exitCode,
  }));
  return [
    ...gates.filter((gate) => gate.gate !== 'G-7'),
    { gate: 'G-7', name: 'compose policy', state: 'fail', failures },
  ];
}

/** Who holds a lock, from the text that lies in it. */
export function describeHolder(holder: string): string {
  try {
    const one = JSON.parse(holder) as Record<string, unknown>;
    return `${String(one.who)} since ${String(one.since)}, run ${shortRun(String(one.run_id))}`;
  } catch {
    return 'somebody';
  }
}
