import type { LocksResult } from '../flows/results.js';
import { shortRun } from '../run-id.js';
import { failureJson, failureLines } from './failures.js';
import { columns, count, hintLines, paint, type Style, safe, shaText, timeText, withExit } from './style.js';

export function locksText({ locks, answered, errors, exitCode }: LocksResult, style: Style): string {
  const table = locks.map((row) => [
    row.host,
    safe(row.name),
    row.state,
    row.runId === null ? '-' : shortRun(row.runId),
    safe(row.who ?? '-'),
    row.since ? timeText(row.since, style) : '-',
    row.sourceSha ? shaText(row.sourceSha, style) : '-',
    safe(row.ciUrl ?? ''),
  ]);
  const lines: string[] = [];
  if (table.length > 0)
    lines.push(...columns([['HOST', 'LOCK', 'STATE', 'RUN', 'WHO', 'SINCE', 'COMMIT', ''], ...table]), '');
  if (errors.length > 0) lines.push(paint(style).red('not asked:'), ...failureLines(errors, style, false), '');
  lines.push(closing(locks.length, answered, errors.length));
  lines.push(...hintLines(errors.find((error) => error.hint)?.hint));
  return withExit(lines, exitCode);
}

/** No lock on the hosts that answered says nothing of the others. */
function closing(locks: number, answered: number, silent: number): string {
  if (silent === 0) return locks === 0 ? 'no lock is held' : `${count(locks, 'lock')} held`;
  const where = `on ${count(answered, 'host')}; ${count(silent, 'host')} not asked`;
  return answered === 0
    ? `not known: ${count(silent, 'host')} not asked`
    : `${locks === 0 ? 'no lock is' : count(locks, 'lock')} held ${where}`;
}

/** schemas/lock-output.schema.json */
export function locksJson({ locks, errors, exitCode }: LocksResult): object {
  return {
    schema_version: '1.0',
    exitCode,
    locks: locks.map((row) => ({
      host: row.host,
      name: row.name,
      state: row.state,
      run_id: row.runId,
      who: row.who,
      since: row.since,
      source_sha: row.sourceSha,
      ci_url: row.ciUrl,
    })),
    errors: errors.map(failureJson),
  };
}
