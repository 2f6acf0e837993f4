/** An error for people (C-2): what, where, why, the next thing to do, a stable code; and as JSON. */
import { PlatformError, type Problem, ProblemsError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import { whereText } from './failures.js';
import { count, hintLines, labelled, paint, type Style, safe, withExit } from './style.js';

export function errorText(error: PlatformError, style: Style): string {
  if (error instanceof ProblemsError) return problemsText(error.problems, style, error.exit);
  const where = whereText(error.where);
  const lines = [
    `${paint(style).red('error')}: ${safe(error.summary)}   ${error.code}`,
    ...(where ? labelled('where', where) : []),
    ...(error.why ? labelled('why', error.why) : []),
    ...hintLines(error.hint),
  ];
  return withExit(lines, error.exit);
}

/** All problems of all files (M-2), each with its place; how many there are stands last. */
function problemsText(problems: readonly Problem[], style: Style, exitCode: number): string {
  const lines: string[] = [];
  for (const problem of problems) {
    lines.push(
      `${safe(problem.file)}:${problem.line}:${problem.column}  ${paint(style).red(problem.code)}  ${safe(problem.message)}`,
    );
    lines.push(...hintLines(problem.hint).map((line) => `  ${line}`));
  }
  const files = new Set(problems.map((problem) => problem.file)).size;
  lines.push('', `${count(problems.length, 'problem')} in ${count(files, 'file')}`);
  return withExit(lines, exitCode);
}

/** schemas/error.schema.json */
export function errorJson(error: PlatformError): object {
  const details = {
    code: error.code,
    summary: error.summary,
    where: error.where ?? null,
    why: error.why ?? null,
    hint: error.hint ?? null,
  };
  return {
    schema_version: '1.0',
    exitCode: error.exit,
    error: details,
    ...(error instanceof ProblemsError ? { problems: error.problems.map(problemJson) } : {}),
  };
}

const problemJson = ({ code, file, line, column, message, hint }: Problem): object => ({
  code,
  file,
  line,
  column,
  message,
  hint: hint ?? null,
});

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
