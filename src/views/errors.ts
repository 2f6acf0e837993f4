/** An error for people (C-2): what, where, why, the next thing to do, a stable code; and as JSON. */
import { type PlatformError, type Problem, ProblemsError } from '../errors.js';
import { whereText } from './plan.js';
import { count, paint, type Style, safe, withExit } from './style.js';

export function errorText(error: PlatformError, style: Style): string {
  if (error instanceof ProblemsError) return problemsText(error.problems, style, error.exit);
  const colour = paint(style);
  const lines = [`${colour.red('error')}: ${safe(error.summary)}   ${error.code}`];
  const place = whereText(error.where ?? null);
  if (place) lines.push(`  at    ${place}`);
  if (error.why)
    lines.push(
      ...error.why
        .split('\n')
        .slice(0, 20)
        .map((line, index) => `  ${index === 0 ? 'why' : '   '}   ${safe(line)}`),
    );
  if (error.hint)
    lines.push(
      ...error.hint.split('\n').map((line, index) => (index === 0 ? `hint: ${safe(line)}` : `      ${safe(line)}`)),
    );
  return withExit(lines, error.exit);
}

export function problemsText(problems: readonly Problem[], style: Style, exitCode: number): string {
  const lines: string[] = [];
  for (const problem of problems) {
    lines.push(
      `${safe(problem.file)}:${problem.line}:${problem.column}  ${paint(style).red(problem.code)}  ${safe(problem.message)}`,
    );
    if (problem.hint) lines.push(`  hint: ${safe(problem.hint)}`);
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
    error: error instanceof ProblemsError ? { ...details, problems: error.problems } : details,
  };
}
