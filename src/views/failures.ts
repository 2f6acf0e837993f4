/** Where something failed, and failures of single modules within a longer result (C-2). */
import type { Where } from '../errors.js';
import type { Failure } from '../flows/results.js';
import { hintLines, labelled, paint, type Style, safe } from './style.js';

/** `file:line:col`, `host rs2000, step pull`; '' where nothing is known. */
export function whereText(where: Where | null | undefined): string {
  if (!where) return '';
  const parts: string[] = [];
  if (where.file !== undefined)
    parts.push([safe(where.file), where.line, where.column].filter((part) => part !== undefined).join(':'));
  if (where.host !== undefined) parts.push(`host ${safe(where.host)}`);
  if (where.step !== undefined) parts.push(`step ${safe(where.step)}`);
  return parts.join(', ');
}

/** `hints: false`: whoever draws it shows the hint in its own place. */
export function failureLines(failures: readonly Failure[], style: Style, hints = true): string[] {
  return failures.flatMap((failure) => {
    const where = whereText(failure.where);
    const module = failure.module === null ? '' : `${safe(failure.module)}: `;
    return [
      `  ${paint(style).red(failure.code)}  ${module}${safe(failure.summary)}`,
      ...(where ? labelled('where', where) : []),
      ...(failure.why ? labelled('why', failure.why) : []),
      ...(hints ? hintLines(failure.hint).map((line) => `    ${line}`) : []),
    ];
  });
}

export function failureJson({ module, code, summary, where, why, hint, exitCode }: Failure): object {
  return { module, code, summary, where, why, hint, exitCode };
}
