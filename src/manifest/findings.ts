/** One manifest while it is checked: its data, read with care because it may not follow its schema, and what was found wrong with it. */
import type { Problem } from '../errors.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, type ExitCode } from '../exits.js';
import type { YamlDocument } from './yaml.js';

export type Path = readonly (string | number)[];

export interface Manifest {
  readonly file: string;
  readonly document: YamlDocument;
}

/** What stands at a path, undefined where nothing does. */
export function at(manifest: Manifest, path: Path): unknown {
  let value = manifest.document.data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

export function textAt(manifest: Manifest, path: Path): string | undefined {
  const value = at(manifest, path);
  return typeof value === 'string' ? value : undefined;
}

export function numberAt(manifest: Manifest, path: Path): number | undefined {
  const value = at(manifest, path);
  return typeof value === 'number' ? value : undefined;
}

export function listAt(manifest: Manifest, path: Path): readonly unknown[] {
  const value = at(manifest, path);
  return Array.isArray(value) ? value : [];
}

/** The text items of a list with their paths. */
export function textsAt(manifest: Manifest, path: Path): { text: string; path: Path }[] {
  return listAt(manifest, path).flatMap((text, index) =>
    typeof text === 'string' ? [{ text, path: [...path, index] }] : [],
  );
}

/** The entries of a mapping, none where it is something else. */
export function entriesAt(manifest: Manifest, path: Path): [string, unknown][] {
  const value = at(manifest, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** A problem at a path of a manifest. */
export function finding(manifest: Manifest, path: Path, code: string, message: string, hint?: string): Problem {
  return { code, file: manifest.file, ...manifest.document.place(path), message, ...(hint ? { hint } : {}) };
}

/** A value as a message shows it: one line, short. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}...` : clean;
}

/** By file, then by place; at most `limit`, and then one that says so. */
export function ordered(problems: readonly Problem[], limit: number): Problem[] {
  const sorted = [...problems].sort(
    (a, b) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
      a.line - b.line ||
      a.column - b.column ||
      (a.code < b.code ? -1 : 1),
  );
  if (sorted.length <= limit) return sorted;
  const next = sorted[limit]!;
  return [
    ...sorted.slice(0, limit),
    {
      ...next,
      code: 'PCTL-MORE',
      message: `${sorted.length - limit} more problems from here on`,
      hint: 'mend the ones above first',
    },
  ];
}

/** What a problem ends plan and apply with: 4 for what is a gate's (an unknown host, user root, a sacred path), 3 for the rest. `validate` itself always says 3. */
export function problemExit(problem: Problem): ExitCode {
  return problem.code.startsWith('PCTL-GATE-') ? EXIT_POLICY_VIOLATION : EXIT_INVALID;
}

/** The exit of several problems: the first failing class of 3, 4 (spec 3-gates). */
export function problemsExit(problems: readonly Problem[]): ExitCode {
  return problems.some((problem) => problemExit(problem) === EXIT_INVALID) ? EXIT_INVALID : EXIT_POLICY_VIOLATION;
}
