/**
 * The exit table (spec 7-cli). Help, docs and the JSON `exitCode` are made from it; no other file names a number.
 * `severity`: where several results make one exit, the highest severity wins.
 */
export interface Exit {
  readonly code: ExitCode;
  readonly name: string;
  readonly meaning: string;
  readonly severity: number;
}

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 130;

export const EXIT_NO_CHANGES = 0;
export const EXIT_CHANGES = 1;
export const EXIT_TOOL_ERROR = 2;
export const EXIT_INVALID = 3;
export const EXIT_POLICY_VIOLATION = 4;
export const EXIT_APPROVAL_MISMATCH = 5;
export const EXIT_DESTRUCTIVE_NEEDS_APPROVAL = 6;
export const EXIT_REMOTE_FAILED = 7;
export const EXIT_STALE = 8;
export const EXIT_APPLIED = 9;
export const EXIT_BUSY = 10;
export const EXIT_ROLLED_BACK = 11;
export const EXIT_ROLLBACK_FAILED = 12;
export const EXIT_ACTION_FAILED = 13;
export const EXIT_PACK_REJECTED = 14;
export const EXIT_UNKNOWN = 15;
export const EXIT_APPLIED_UNRECORDED = 16;
export const EXIT_INTERRUPTED = 130;

/** Worst first: 12, 15, 16, 7, 11, 130, 2, 3, 4, 5, 6, 14, 13, 8, 10, 9, 1, 0. */
const ORDER: readonly ExitCode[] = [12, 15, 16, 7, 11, 130, 2, 3, 4, 5, 6, 14, 13, 8, 10, 9, 1, 0];

const row = (code: ExitCode, name: string, meaning: string): Exit => ({
  code,
  name,
  meaning,
  severity: ORDER.length - ORDER.indexOf(code),
});

export const EXITS: readonly Exit[] = [
  row(0, 'no_changes', 'done, or nothing to do'),
  row(1, 'changes', 'plan or drift found changes'),
  row(2, 'tool_error', 'platformctl or its surroundings failed; wrong usage'),
  row(3, 'invalid', 'a manifest, config, plan file or parameter is not valid'),
  row(4, 'policy_violation', 'host not allowed, sacred path, compose policy, several modules, phase'),
  row(5, 'approval_mismatch', 'not approved, or not for exactly this'),
  row(6, 'destructive_needs_approval', 'needs an approval that names the plan'),
  row(7, 'remote_failed', 'a step on the host failed or timed out before anything was changed there'),
  row(8, 'stale', 'the commit, the host or the status moved since the plan'),
  row(9, 'applied', 'changed, verified, recorded'),
  row(10, 'busy', 'lock held or queue time-out'),
  row(11, 'rolled_back', 'failed, what was there before is back'),
  row(12, 'rollback_failed', 'failed, and putting it back failed too: act now'),
  row(13, 'action_failed', 'the action ran and failed (its own exit code is in the record)'),
  row(14, 'pack_rejected', 'not validated, or validation failed'),
  row(15, 'unknown', 'the outcome is not known: look before the next run'),
  row(16, 'applied_unrecorded', 'changed and healthy, but the host could not record it'),
  row(130, 'interrupted', 'interrupted by Ctrl-C or TERM'),
];

/** The exit of several results: the worst; 0 for none. */
export function worstExit(codes: Iterable<ExitCode>): ExitCode {
  let worst: ExitCode = EXIT_NO_CHANGES;
  for (const code of codes) {
    if (ORDER.indexOf(code) < ORDER.indexOf(worst)) worst = code;
  }
  return worst;
}
