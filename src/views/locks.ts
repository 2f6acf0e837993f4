import type { LockRow } from '../flows/results.js';
import { shortRun } from '../run-id.js';
import { columns, count, type Style, safe, shaText, timeText } from './style.js';

export function locksText(rows: readonly LockRow[], style: Style): string {
  if (rows.length === 0) return 'no lock is held\n';
  const table = rows.map((row) => [
    row.host,
    safe(row.name),
    row.state,
    row.runId === null ? '-' : shortRun(row.runId),
    safe(row.who ?? '-'),
    row.since ? timeText(row.since, style) : '-',
    row.sourceSha ? shaText(row.sourceSha, style) : '-',
    safe(row.ciUrl ?? ''),
  ]);
  return `${[...columns([['HOST', 'LOCK', 'STATE', 'RUN', 'WHO', 'SINCE', 'COMMIT', ''], ...table]), '', `${count(rows.length, 'lock')} held`].join('\n')}\n`;
}

/** schemas/lock-output.schema.json */
export function locksJson(rows: readonly LockRow[]): object {
  return {
    schema_version: '1.0',
    exitCode: 0,
    locks: rows.map((row) => ({
      host: row.host,
      name: row.name,
      state: row.state,
      run_id: row.runId,
      who: row.who,
      since: row.since,
      source_sha: row.sourceSha,
      ci_url: row.ciUrl,
    })),
  };
}
