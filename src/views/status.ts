/** `status`: one line a module, then what is wrong and what to do about it. */
import type { StatusResult, StatusRow } from '../flows/results.js';
import { columns, count, type Style, safe, shaText, timeText, withExit } from './style.js';

/** `v1.136.0` of `ghcr.io/immich-app/immich-server:v1.136.0`. */
function tag(reference: string | undefined): string {
  if (!reference) return '-';
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  const at = last.indexOf('@');
  if (at >= 0) return last.slice(at + 1, at + 20);
  return last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
}

const person = (address: string): string => address.replace(/^self:/, '').replace(/@.*$/, '');

function note(row: StatusRow, style: Style): string {
  if (row.error)
    return `${row.host} not read: ${safe(row.error.summary)}${row.mirrorOf ? `; mirror of ${timeText(row.mirrorOf, style)}` : '; no mirror here'}`;
  const notes: string[] = [];
  const { status } = row;
  if (row.interrupted)
    notes.push(
      row.interrupted.outcome === 'applying'
        ? `run ${row.interrupted.runId.slice(0, 8)} is going on`
        : `run ${row.interrupted.runId.slice(0, 8)} was interrupted, judged ${row.interrupted.outcome}: ${row.interrupted.why}`,
    );
  else if (status?.outcome === 'rolled_back')
    notes.push(`ROLLED BACK from ${shaText(status.attempt?.sha ?? '', style)}`);
  else if (status && ['rollback_failed', 'unknown', 'remote_failed'].includes(status.outcome))
    notes.push(`${status.outcome.replaceAll('_', ' ').toUpperCase()} at ${shaText(status.attempt?.sha ?? '', style)}`);
  if (status?.approved_by.some((who) => who.startsWith('self:'))) notes.push('self-approved');
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
    row.module,
    row.host,
    never && now === 'absent' ? 'never applied' : now,
    tag(applied?.image?.reference),
    applied?.last_apply_sha ? shaText(applied.last_apply_sha, style) : '-',
    applied?.applied_at ? timeText(applied.applied_at, style) : '-',
    applied?.approved_by.map(person).map(safe).join(', ') || '-',
    note(row, style),
  ];
}

export function statusText(result: StatusResult, style: Style): string {
  const { rows, undeclared } = result;
  const table = [
    ['MODULE', 'HOST', 'NOW', 'RUNNING', 'COMMIT', 'APPLIED', 'BY', 'NOTE'],
    ...rows.map((row) => cells(row, style)),
    ...undeclared.map((one) => [one.module ?? one.service, one.host, one.state, '-', '-', '-', '-', 'undeclared']),
  ];
  const hosts = new Set(rows.map((row) => row.host)).size;
  const unread = rows.filter((row) => row.source === 'mirror').length;
  const back = rows.filter((row) => row.status?.outcome === 'rolled_back').length;
  const bad = rows.filter((row) => row.source === 'host' && !fine(row)).length;
  const parts = [`${rows.length - unread - bad} fine`];
  if (back > 0) parts.push(`${back} rolled back`);
  if (bad - back > 0) parts.push(`${bad - back} to look at`);
  if (unread > 0) parts.push(`${unread} not reached`);
  const sources = [`host (${rows.length - unread})`, ...(unread > 0 ? [`mirror (${unread})`] : [])];
  const lines = [
    ...columns(table),
    '',
    `${count(rows.length, 'module')} on ${count(hosts, 'host')}: ${parts.join(', ')}${undeclared.length > 0 ? `; ${undeclared.length} undeclared` : ''}. Source: ${sources.join(', ')}`,
  ];
  const unknown = rows.find((row) => row.interrupted !== null || row.status?.outcome === 'unknown');
  if (unknown)
    lines.push(
      `next: platformctl plan ${unknown.module} (shows the host as it is; its apply ends the interrupted run)`,
    );
  return withExit(lines, result.exitCode);
}

function fine(row: StatusRow): boolean {
  const good =
    row.condition === 'healthy' ||
    row.condition === 'running' ||
    (row.condition === 'stopped' && row.status?.smoke?.exits !== undefined && row.status.smoke.exits !== null);
  return good && (row.status === null || row.status.outcome === 'applied') && row.interrupted === null;
}

/** schemas/status-output.schema.json */
export function statusJson(result: StatusResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    modules: result.rows.map((row) => ({
      ...(row.status ?? { module: row.module, host: row.host, outcome: 'never_applied' }),
      source: row.source,
      mirror_of: row.mirrorOf,
      condition: row.condition,
      interrupted:
        row.interrupted === null
          ? null
          : { run_id: row.interrupted.runId, outcome: row.interrupted.outcome, why: row.interrupted.why },
      error: row.error,
    })),
    undeclared: result.undeclared.map(({ host, project, service, module, state }) => ({
      host,
      project,
      service,
      module,
      state,
    })),
  };
}
