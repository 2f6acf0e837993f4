/** `logs RUN`: what it was and each step; what the steps said is streamed beneath, between heads (O-1). */
import type { Output, RunLogs } from '../flows/results.js';
import { visible } from '../secret/controls.js';
import { outcomeText, runJson } from './runs.js';
import { columns, paint, person, type Style, safe, shaText, timeText } from './style.js';

const STATES: Readonly<Record<string, string>> = { failed: 'FAILED: ' };

export function runLogsText({ run, steps, journal }: RunLogs, style: Style): string {
  const what = [
    outcomeText(run),
    safe(run.module ?? '-'),
    safe(run.host),
    ...(run.sourceSha ? [shaText(run.sourceSha, style)] : []),
    ...(run.seconds === null ? [] : [`${run.seconds} s`]),
  ];
  const who = [
    ...(run.who ? [`by ${person(run.who, { ...style, full: true })}`] : []),
    ...(run.startedAt ? [timeText(run.startedAt, style)] : []),
    ...(run.kind && run.kind !== 'apply' ? [run.kind] : []),
  ];
  return `${[
    what.join('   '),
    `  run   ${run.id}${who.length > 0 ? `, ${who.join(', ')}` : ''}`,
    ...(run.ciUrl ? [`  ci    ${safe(run.ciUrl)}`] : []),
    ...(run.why && run.outcome !== 'applied' ? [`  why   ${safe(run.why)}`] : []),
    '',
    ...(steps.length > 0
      ? columns(
          steps.map(({ at, step, state, detail }) => [`  +${at} s`, step, `${STATES[state] ?? ''}${safe(detail)}`]),
        )
      : [journal.length > 0 ? '  it ended before anything was changed' : '  it has no journal']),
  ].join('\n')}\n`;
}

/** What stands above an output. */
export function outputHead(output: Output, style: Style): string {
  const cut = output.size > output.bytes.length ? `, the last ${output.bytes.length}` : '';
  return `\n${paint(style).bold(`--- ${output.name}`)}, ${output.size} bytes${cut}\n`;
}

/** schemas/run-logs-output.schema.json. `raw`: control characters as they came. */
export function runLogsJson({ run, journal, outputs }: RunLogs, raw: boolean): object {
  return {
    schema_version: '1.0',
    exitCode: 0,
    run: runJson(run),
    journal: journal.map(({ step, state, exit, at, detail }) => ({ step, state, exit, at, detail: safe(detail) })),
    outputs: outputs.map(({ name, size, bytes }) => ({
      name,
      size,
      truncated: size > bytes.length,
      content: contentOf(bytes, raw),
    })),
  };
}

/** Bytes from outside as a member of a document. */
export function contentOf(bytes: Uint8Array, raw: boolean): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return raw ? text : visible(text);
}
