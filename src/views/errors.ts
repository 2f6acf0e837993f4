/** An error for people (C-2): what, where, why, the next thing to do, a stable code; and as JSON. */
import { type PlatformError, type Problem, ProblemsError } from '../errors.js';
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

/** The stacks of an error and of what caused it, for `--debug` (C-2). */
export function stackText(error: unknown): string {
  const found: string[] = [];
  for (let one = error; one instanceof Error && found.length < 5; one = one.cause) found.push(one.stack ?? String(one));
  return found.map((stack) => `${stack}\n`).join('');
}
