/** `runs`: one line a run, newest first, and which one to look at. */
import type { Run, RunsResult } from '../flows/results.js';
import { shortRun } from '../run-id.js';
import { failureJson, failureLines } from './failures.js';
import { columns, count, hintLines, paint, person, type Style, safe, shaText, timeText, withExit } from './style.js';

const FINE = new Set<Run['outcome']>(['applied', 'removed', 'applying', 'interrupted', 'refused', 'stale']);

/** An outcome as people read it: what went wrong in capitals. */
export const outcomeText = (run: Run): string => {
  const words = run.outcome.replaceAll('_', ' ');
  return FINE.has(run.outcome) ? words : words.toUpperCase();
};

const runId = (run: Run, style: Style): string => (style.full ? run.id : shortRun(run.id));

function cells(run: Run, style: Style): string[] {
  return [
    runId(run, style),
    safe(run.module ?? '-'),
    safe(run.host),
    run.kind ?? '-',
    run.startedAt ? timeText(run.startedAt, style) : '-',
    run.who ? person(run.who, style) : '-',
    run.sourceSha ? shaText(run.sourceSha, style) : '-',
    outcomeText(run),
    run.seconds === null ? '-' : `${run.seconds} s`,
    run.why === null || run.outcome === 'applied' ? '' : safe(run.why),
  ];
}

export function runsText(result: RunsResult, style: Style): string {
  const { runs, errors } = result;
  const lines: string[] = [];
  if (runs.length > 0)
    lines.push(
      ...columns([
        ['RUN', 'MODULE', 'HOST', 'KIND', 'STARTED', 'BY', 'COMMIT', 'OUTCOME', 'TOOK', 'WHY'],
        ...runs.map((run) => cells(run, style)),
      ]),
      '',
    );
  if (errors.length > 0) lines.push(paint(style).red('not asked:'), ...failureLines(errors, style, false), '');
  const hosts = new Set(runs.map((run) => run.host)).size;
  lines.push(
    runs.length === 0
      ? 'no run is kept'
      : `${count(runs.length, 'run')} on ${count(hosts, 'host')}${result.more ? '; there are older ones (--limit)' : ''}`,
  );
  const bad = runs.find((run) => !FINE.has(run.outcome));
  if (bad)
    lines.push(
      `next: platformctl logs ${runId(bad, style)} (why ${safe(bad.module ?? bad.host)}: ${outcomeText(bad).toLowerCase()})`,
    );
  else lines.push(...hintLines(errors.find((error) => error.hint)?.hint));
  return withExit(lines, result.exitCode);
}

export function runJson(run: Run): object {
  return {
    run_id: run.id,
    host: run.host,
    module: run.module,
    kind: run.kind,
    who: run.who,
    started_at: run.startedAt,
    source_sha: run.sourceSha,
    digest: run.digest,
    ci_url: run.ciUrl,
    outcome: run.outcome,
    why: run.why,
    duration_seconds: run.seconds,
  };
}

/** schemas/runs-output.schema.json */
export function runsJson(result: RunsResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    runs: result.runs.map(runJson),
    more: result.more,
    errors: result.errors.map(failureJson),
  };
}
