import type { ExitCode } from './exits.js';

/** Where something is wrong: a place in a file, or a step on a host. Lines and columns start at 1. */
export interface Where {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly host?: string;
  readonly step?: string;
}

/** One finding about one place in one file (M-2). `code` is stable and starts with `PCTL-`. */
export interface Problem {
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
  /** Ids of modules that it stops besides the one whose file it stands in. */
  readonly stops?: readonly string[];
}

export interface ErrorDetails {
  /** Stable: `PCTL-GATE-HOST`. */
  readonly code: string;
  readonly exit: ExitCode;
  /** What failed, in one line. */
  readonly summary: string;
  readonly where?: Where;
  readonly why?: string;
  /** The next thing to do. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The only error that platformctl throws on purpose; anything else that reaches main is a bug and exits 2. */
export class PlatformError extends Error {
  readonly code: string;
  readonly exit: ExitCode;
  readonly summary: string;
  readonly where: Where | undefined;
  readonly why: string | undefined;
  readonly hint: string | undefined;

  constructor(details: ErrorDetails) {
    super(details.summary, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PlatformError';
    this.code = details.code;
    this.exit = details.exit;
    this.summary = details.summary;
    this.where = details.where;
    this.why = details.why;
    this.hint = details.hint;
  }
}

/** All problems of all files in one go (M-2). Its exit is `invalid`, unless the finder of the problems says otherwise. */
export class ProblemsError extends PlatformError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], exit: ExitCode = 3) {
    const first = problems[0];
    super({
      code: first?.code ?? 'PCTL-INVALID',
      exit,
      summary: problems.length === 1 && first ? first.message : `${problems.length} problems`,
      ...(first ? { where: { file: first.file, line: first.line, column: first.column } } : {}),
      ...(first?.hint ? { hint: first.hint } : {}),
    });
    this.problems = problems;
  }
}
