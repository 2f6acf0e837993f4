/** `drift`: one line a module, what differs from what was last applied, and what to do about it. */
import type { DriftResult, DriftRow } from '../flows/results.js';
import { failureJson, failureLines } from './failures.js';
import { columns, count, paint, type Style, safe, withExit } from './style.js';

const PENDING = 'another apply brought a newer file, in which its definition or its own files are new';

function wordOf(row: DriftRow): string {
  if (row.error) return 'not known';
  if (row.drifted === null) return 'never applied';
  if (row.drifted) return 'drifted';
  return row.pending ? 'pending' : 'as applied';
}

function why(row: DriftRow): string {
  const reasons = row.changes.flatMap((change) => change.reasons).map(safe);
  if (row.error) reasons.push(safe(row.error.summary));
  return [...reasons, ...(row.pending ? [PENDING] : [])].join('; ');
}

const ORDER = ['not known', 'drifted', 'pending', 'as applied', 'never applied'];

export function driftText(result: DriftResult, style: Style): string {
  const colour = paint(style);
  const rows = [...result.rows].sort((a, b) => ORDER.indexOf(wordOf(a)) - ORDER.indexOf(wordOf(b)));
  const width = Math.max(0, ...rows.map((row) => wordOf(row).length));
  const tails = columns(rows.map((row) => [safe(row.module), safe(row.host), why(row)]));
  const lines = rows.map((row, index) => {
    const word = wordOf(row);
    const painted = row.error || row.drifted ? colour.red(word) : row.pending ? colour.yellow(word) : word;
    return `  ${painted}${' '.repeat(width - word.length)}  ${tails[index] ?? ''}`.trimEnd();
  });
  const errors = result.rows.flatMap((row) => row.error ?? []);
  const tally = ORDER.map((word) => [rows.filter((row) => wordOf(row) === word).length, word] as const);
  const parts = tally.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return withExit(
    [
      ...lines,
      '',
      ...(errors.length > 0 ? [...failureLines(errors, style), ''] : []),
      `${count(rows.length, 'module')}, against what was last applied: ${parts.join(', ') || 'nothing to compare'}`,
      ...next(rows),
    ],
    result.exitCode,
  );
}

function next(rows: readonly DriftRow[]): string[] {
  const first = rows.find((row) => row.drifted && !row.error) ?? rows.find((row) => row.pending && !row.error);
  return first ? [`next: platformctl plan ${safe(first.module)} (what its apply would change)`] : [];
}

/** schemas/drift-output.schema.json */
export function driftJson(result: DriftResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    modules: result.rows.map(({ module, host, drifted, pending, changes, error }) => ({
      module,
      host,
      drifted,
      pending,
      changes: changes.map((change) => ({ ...change, reasons: [...change.reasons] })),
      error: error === null ? null : failureJson(error),
    })),
  };
}
