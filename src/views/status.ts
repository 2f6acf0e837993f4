/** `status`: one line a module, then what is wrong and what to do about it. */
import type { StatusResult, StatusRow } from '../flows/results.js';
import { shortRun } from '../run-id.js';
import { failureJson, failureLines } from './failures.js';
import { undeclaredJson } from './plan.js';
import { columns, count, paint, person, type Style, safe, shaText, tag, timeText, withExit } from './style.js';

function note(row: StatusRow, style: Style): string {
  if (row.error && row.source === 'host') return `REFUSED: ${safe(row.error.summary)}`;
  if (row.error)
    return `${safe(row.host)} not read: ${safe(row.error.summary)}${row.mirrorOf ? `; mirror of ${timeText(row.mirrorOf, style)}` : '; no mirror here'}`;
  const notes: string[] = [];
  const { status } = row;
  const applied = status?.plan_digest ? status : null;
  if (row.interrupted)
    notes.push(
      row.interrupted.outcome === 'applying'
        ? `run ${shortRun(row.interrupted.runId)} is going on`
        : `run ${shortRun(row.interrupted.runId)} was interrupted, judged ${row.interrupted.outcome}: ${safe(row.interrupted.why)}`,
    );
  else if (status?.outcome === 'rolled_back')
    notes.push(`ROLLED BACK from ${shaText(status.attempt?.sha ?? '', style)}`);
  else if (status && ['rollback_failed', 'unknown', 'remote_failed'].includes(status.outcome))
    notes.push(`${status.outcome.replaceAll('_', ' ').toUpperCase()} at ${shaText(status.attempt?.sha ?? '', style)}`);
  if (applied?.kind === 'rollback') notes.push('by rollback');
  if (applied?.approved_by.some((who) => who.startsWith('self:'))) notes.push('self-approved');
  if (row.exceptions > 0) notes.push(count(row.exceptions, 'exception'));
  if (row.condition === 'running' && !row.hasHealthcheck) notes.push('no healthcheck');
  return notes.join('; ');
}

function cells(row: StatusRow, style: Style): string[] {
  const { status } = row;
  const applied = status?.plan_digest ? status : null;
  const never = status === null || !status.plan_digest;
  const now = row.condition ?? 'unknown';
  return [
    safe(row.module),
    safe(row.host),
    never && now === 'absent' && row.error === null
      ? status?.outcome === 'removed'
        ? 'removed'
        : 'never applied'
      : now,
    running(row),
    applied?.last_apply_sha ? shaText(applied.last_apply_sha, style) : '-',
    applied?.applied_at ? timeText(applied.applied_at, style) : '-',
    applied?.approved_by.map((who) => person(who, style)).join(', ') || '-',
    note(row, style),
  ];
}

/** What was applied, where that is what is there. */
function running({ runs, status }: StatusRow): string {
  if (runs === 'other') return 'another image';
  return runs === 'applied' && status?.image ? tag(status.image.reference) : '-';
}

export function statusText(result: StatusResult, style: Style): string {
  const { rows, undeclared, errors } = result;
  const table = [
    ['MODULE', 'HOST', 'NOW', 'RUNNING', 'COMMIT', 'APPLIED', 'BY', 'NOTE'],
    ...rows.map((row) => cells(row, style)),
    ...undeclared.map((one) => [
      ...[one.module ?? one.service, one.host, one.state].map(safe),
      ...['-', '-', '-', '-', 'undeclared'],
    ]),
  ];
  const hosts = [...new Set(rows.map((row) => row.host))];
  const unread = rows.filter((row) => row.source === 'mirror');
  const unreadHosts = hosts.filter((host) => unread.some((row) => row.host === host)).length;
  const back = rows.filter((row) => row.source === 'host' && row.status?.outcome === 'rolled_back').length;
  const bad = rows.filter((row) => row.source === 'host' && !fine(row)).length;
  const parts = [`${rows.length - unread.length - bad} fine`];
  if (back > 0) parts.push(`${back} rolled back`);
  if (bad - back > 0) parts.push(`${bad - back} to look at`);
  if (unread.length > 0) parts.push(`${unread.length} not reached`);
  const others = undeclared.length > 0 ? `; ${undeclared.length} undeclared` : '';
  const sources = [`host (${hosts.length - unreadHosts})`, ...(unreadHosts > 0 ? [`mirror (${unreadHosts})`] : [])];
  const lines = [
    ...columns(table),
    '',
    ...(errors.length > 0 ? [paint(style).red('not asked:'), ...failureLines(errors, style), ''] : []),
    `${count(rows.length, 'module')} on ${count(hosts.length, 'host')}: ${parts.join(', ')}${others}. Source: ${sources.join(', ')}`,
    ...next(rows),
  ];
  return withExit(lines, result.exitCode);
}

/** The one thing to do first. */
function next(rows: readonly StatusRow[]): string[] {
  const named = (test: (row: StatusRow) => boolean): string | undefined => {
    const row = rows.find(test);
    return row && safe(row.module);
  };
  const unknown = named((row) => row.interrupted?.outcome === 'unknown' || row.status?.outcome === 'unknown');
  if (unknown) return [`next: platformctl plan ${unknown} (shows the host as it is; its apply ends the unknown run)`];
  const refused = rows.find((row) => row.source === 'host' && row.error?.hint);
  if (refused) return [`next: ${safe(refused.error?.hint ?? '')}`];
  const unread = rows.find((row) => row.source === 'mirror');
  if (unread) return [`next: platformctl host check ${safe(unread.host)}`];
  const failed = rows.find((row) => ['rolled_back', 'rollback_failed'].includes(row.status?.outcome ?? ''));
  if (failed?.status?.attempt) {
    const { run_id: run, outcome } = failed.status.attempt;
    return [`next: platformctl logs ${shortRun(run)} (why ${safe(failed.module)}: ${outcome.replaceAll('_', ' ')})`];
  }
  const other = named((row) => row.runs === 'other' && row.interrupted === null);
  if (other) return [`next: platformctl drift ${other} (it runs another image than the applied one)`];
  const never = named((row) => row.source === 'host' && row.error === null && !row.status?.plan_digest);
  return never ? [`next: platformctl plan ${never}`] : [];
}

function fine(row: StatusRow): boolean {
  const good =
    row.condition === 'healthy' ||
    row.condition === 'running' ||
    (row.condition === 'stopped' && row.status?.smoke?.exits !== undefined && row.status.smoke.exits !== null);
  return (
    good &&
    row.runs !== 'other' &&
    row.error === null &&
    (row.status === null || row.status.outcome === 'applied') &&
    row.interrupted === null
  );
}

/** schemas/status-output.schema.json */
export function statusJson(result: StatusResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    modules: result.rows.map((row) => ({
      ...(row.status ?? { module: row.module, host: row.host, outcome: row.error ? 'unknown' : 'never_applied' }),
      source: row.source,
      mirror_of: row.mirrorOf,
      condition: row.condition,
      runs: row.runs,
      interrupted:
        row.interrupted === null
          ? null
          : { run_id: row.interrupted.runId, outcome: row.interrupted.outcome, why: row.interrupted.why },
      error: row.error === null ? null : failureJson(row.error),
    })),
    undeclared: result.undeclared.map(undeclaredJson),
    errors: result.errors.map(failureJson),
  };
}
