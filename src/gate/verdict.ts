/** What a gate says (3-gates). */
import { EXIT_NO_CHANGES, type ExitCode, worstExit } from '../exits.js';

/** One gate's verdict. `not reached`: it needs what is not known yet, and says so rather than pass. */
export interface GateVerdict {
  /** G-1 ... G-9 */
  readonly gate: string;
  /** `policy`, `phase`, `provenance`, `approval`, `sacred paths`, `hosts`, `compose policy`, `destructive`, `freshness` */
  readonly name: string;
  readonly state: 'pass' | 'fail' | 'not reached';
  readonly failures: readonly GateFailure[];
}

export interface GateFailure {
  /** `PCTL-APPROVAL-AUTHOR` */
  readonly code: string;
  /** The field's own name where there is one: `HOST-ALLOWLIST-01`. */
  readonly check: string | null;
  readonly why: string;
  readonly hint: string | null;
  readonly exitCode: ExitCode;
}

/** The classes of exit in the order in which the first failing one decides (3-gates). */
const ORDER: readonly ExitCode[] = [3, 4, 5, 6, 8];

/** The exit of all gates together: 0 where none fails. */
export function gatesExit(verdicts: readonly GateVerdict[]): ExitCode {
  const codes = verdicts.flatMap((verdict) => verdict.failures.map((failure) => failure.exitCode));
  return ORDER.find((code) => codes.includes(code)) ?? (codes.length === 0 ? EXIT_NO_CHANGES : worstExit(codes));
}

export function failure(
  exitCode: ExitCode,
  code: string,
  why: string,
  hint: string | null,
  check?: string,
): GateFailure {
  return { code, check: check ?? null, why, hint, exitCode };
}

/** A verdict from its failures; `reached: false` where nothing of the gate could be judged yet. */
export function verdict(gate: string, name: string, failures: readonly GateFailure[], reached = true): GateVerdict {
  return { gate, name, state: failures.length > 0 ? 'fail' : reached ? 'pass' : 'not reached', failures };
}
