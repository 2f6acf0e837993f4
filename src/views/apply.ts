/** The closing block of an apply, the same byte for byte on a terminal and in CI; a refusal shows all failures at once. */
import { worstExit } from '../exits.js';
import type { ApplyResult } from '../flows/results.js';
import { shortRun } from '../run-id.js';
import { failureJson, failureLines } from './failures.js';
import { columns, count, hintLines, labelled, paint, type Style, safe, shaText, withExit } from './style.js';

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  no_changes: 'unchanged',
  rolled_back: 'rolled back',
  rollback_failed: 'ROLLBACK FAILED',
  applied_unrecorded: 'APPLIED, NOT RECORDED',
  remote_failed: 'failed',
  would_apply: 'would apply',
  unknown: 'UNKNOWN',
};
const REFUSALS = new Set(['refused', 'stale', 'busy']);
const GOOD = new Set(['applied', 'removed', 'no_changes', 'would_apply']);
const LOG_LINES = 5;

const outcomeWord = (outcome: string): string => OUTCOME_WORDS[outcome] ?? outcome;

/** Which refusal: every gate's failures, what is missing, what to do. */
function refusalLines(result: ApplyResult, style: Style): string[] {
  const tally = (state: string): number => result.gates.filter((gate) => gate.state === state).length;
  const failing = tally('fail');
  const gates = `${count(result.gates.length, 'gate')}: ${tally('pass')} pass, ${failing} ${failing === 1 ? 'fails' : 'fail'}, ${tally('not reached')} not reached`;
  const lines = [
    `${paint(style).red(outcomeWord(result.outcome))}: ${result.module} on ${safe(result.host)}, nothing was changed (${gates})`,
    '',
  ];
  const failures = result.gates.flatMap((gate) => gate.failures);
  lines.push(
    ...columns(
      failures.map((failure) => [
        `  ${failure.code}${failure.check === null ? '' : ` (${failure.check})`}`,
        safe(failure.why),
      ]),
    ),
  );
  if (result.error) lines.push(...failureLines([result.error], style, false));
  if (failures.length === 0 && !result.error) lines.push(`  ${safe(result.message)}`);
  lines.push('');
  const hints = [
    ...new Set(
      [...failures.map((failure) => failure.hint), result.hint ?? result.error?.hint].filter(
        (hint) => typeof hint === 'string',
      ),
    ),
  ];
  lines.push(...hintLines(hints.join('\n')));
  return lines;
}

function closing(result: ApplyResult, style: Style): string[] {
  const colour = paint(style);
  const word = result.outcome === 'applied' ? colour.green('applied') : outcomeWord(result.outcome);
  const sha = shaText(result.sourceSha, style);
  const lines: string[] = [];
  if (result.outcome === 'rolled_back') {
    const back = result.back?.sha ? `${shaText(result.back.sha, style)} runs again` : 'what was there before is back';
    const down = result.back?.downSeconds ? `   down for at most ${result.back.downSeconds} s` : '';
    lines.push(
      `${colour.yellow('rolled back')}   ${result.module}   ${safe(result.host)}   ${sha} failed, ${back}${down}`,
    );
  } else
    lines.push(
      `${word}   ${result.module}   ${safe(result.host)}   ${sha}   ${result.durationSeconds} s${result.selfApproved ? '   self-approved' : ''}`,
    );
  if (!GOOD.has(result.outcome)) lines.push(...labelled('why', result.message));
  if (result.outcome === 'would_apply') lines.push(`  ${safe(result.message)}`);
  const log = style.full ? result.log : result.log.slice(-LOG_LINES);
  lines.push(...log.map((line, index) => `  ${index === 0 ? 'log ' : '    '}  ${safe(line)}`));
  if (log.length < result.log.length)
    lines.push(
      `        (the last ${log.length} of ${count(result.log.length, 'line')}; all: ${result.runId === null ? '--json' : `platformctl logs ${shortRun(result.runId)}`})`,
    );
  for (const note of result.notes) lines.push(`  note  ${safe(note)}`);
  if (result.runId !== null && !GOOD.has(result.outcome))
    lines.push(`  run   ${style.full ? result.runId : shortRun(result.runId)}`);
  return lines;
}

export function applyText(results: readonly ApplyResult[], style: Style): string {
  const exit = worstExit(results.map((result) => result.exitCode));
  const [only] = results;
  if (results.length === 1 && only && REFUSALS.has(only.outcome)) return withExit(refusalLines(only, style), exit);
  const lines = results.length === 1 && only ? closing(only, style) : severalLines(results, style);
  const hints = [
    ...new Set(
      results.flatMap((result) => (QUIET.has(result.outcome) ? [] : hintLines(result.hint ?? result.error?.hint))),
    ),
  ];
  return withExit(
    [...lines, ...(results.length === 1 && hints.length > 0 ? hints : [summary(results), ...hints])],
    exit,
  );
}

/** Refusals say their hints themselves; what never started has none. */
const QUIET = new Set([...REFUSALS, 'skipped', 'interrupted']);

function summary(results: readonly ApplyResult[]): string {
  const tally = (...outcomes: string[]): number => results.filter((result) => outcomes.includes(result.outcome)).length;
  const applied = tally('applied', 'applied_unrecorded');
  const removed = tally('removed');
  const would = tally('would_apply');
  const unchanged = tally('no_changes');
  const skipped = tally('skipped');
  const failed = results.length - applied - removed - would - unchanged - skipped;
  const some = (count: number, word: string): string[] => (count > 0 ? [`${count} ${word}`] : []);
  return [
    // A dry run applies nothing.
    ...(would === 0 || applied > 0 ? [`${applied} applied`] : []),
    ...some(would, 'would apply'),
    ...some(removed, 'removed'),
    `${unchanged} unchanged`,
    `${failed} failed`,
    ...some(skipped, 'skipped'),
  ].join(', ');
}

/** What went wrong in full, then every plan of the call in a table (X-7). */
function severalLines(results: readonly ApplyResult[], style: Style): string[] {
  const loud = results.filter((result) => !GOOD.has(result.outcome) && result.outcome !== 'skipped');
  const blocks = loud.flatMap((result) => [
    ...(REFUSALS.has(result.outcome) ? refusalLines(result, style) : closing(result, style)),
    '',
  ]);
  const rows = results.map((result) => [
    result.module,
    safe(result.host),
    outcomeWord(result.outcome),
    shaText(result.sourceSha, style),
    result.outcome === 'skipped' ? '-' : `${result.durationSeconds} s`,
    note(result),
  ]);
  return [...blocks, ...columns([['MODULE', 'HOST', 'OUTCOME', 'COMMIT', 'TIME', 'NOTE'], ...rows]), ''];
}

function note(result: ApplyResult): string {
  if (result.outcome === 'applied') return result.selfApproved ? 'self-approved' : '';
  if (result.outcome === 'no_changes') return '';
  return safe(result.message);
}

/** schemas/apply-output.schema.json */
export function applyJson(results: readonly ApplyResult[]): object {
  return {
    schema_version: '1.0',
    exitCode: worstExit(results.map((result) => result.exitCode)),
    results: results.map((result) => ({
      module: result.module,
      host: result.host,
      compose_service: result.composeService,
      outcome: result.outcome,
      message: result.message,
      run_id: result.runId,
      changed: result.changed,
      digest: result.digest,
      source_sha: result.sourceSha,
      state_artifact: result.stateArtifact,
      remote: result.remote,
      error: result.error === null ? null : failureJson(result.error),
      gates: result.gates.map(({ gate, name, state, failures }) => ({
        gate,
        name,
        state,
        failures: failures.map(({ code, check, why, hint, exitCode }) => ({ code, check, why, hint, exitCode })),
      })),
      log: [...result.log],
      notes: [...result.notes],
      approved_by: [...result.approvedBy],
      self_approved: result.selfApproved,
      duration_seconds: result.durationSeconds,
      exitCode: result.exitCode,
    })),
  };
}
