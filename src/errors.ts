import { EXIT_INVALID, EXIT_TOOL_ERROR, type ExitCode } from './exits.js';

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

  constructor(problems: readonly Problem[], exit: ExitCode = EXIT_INVALID) {
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

/**
 * Anything that was thrown as a PlatformError. What is none is a mistake of platformctl or an error of a library: its message never reaches a person (O-6), since
 * a command line or a buffer may be in it; its kind and the system's code do.
 */
export function asPlatformError(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const kind =
    thrown instanceof Error && /^[A-Za-z]{1,40}$/.test(thrown.name) ? thrown.name : 'something that is no error';
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return new PlatformError({
    code: 'PCTL-INTERNAL',
    exit: EXIT_TOOL_ERROR,
    summary: 'platformctl failed in a way that it did not expect',
    why: `${kind}${/^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? ` ${code}` : ''}`,
    hint: 'run it again with --debug, and report what it prints',
    cause: thrown,
  });
}
