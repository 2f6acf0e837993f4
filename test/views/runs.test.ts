import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import type { Run, RunLogs, RunsResult } from '../../src/flows/results.js';
import { containerLogsJson, gather } from '../../src/views/container-logs.js';
import { outputHead, runLogsJson, runLogsText } from '../../src/views/run-logs.js';
import { runsJson, runsText } from '../../src/views/runs.js';
import type { Style } from '../../src/views/style.js';
import { runId, SHA } from '../record/samples.js';

const PLAIN: Style = { colour: false, full: false, now: null, terminal: false };
function valid(schema: string, document: unknown): void {
  const check = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(`schemas/${schema}.schema.json`, 'utf8')),
  );
  check(JSON.parse(JSON.stringify(document)));
  expect(check.errors ?? []).toEqual([]);
}
const golden = (name: string, text: string): Promise<void> =>
  expect(text).toMatchFileSnapshot(`golden/${name}.txt`) as unknown as Promise<void>;

const run = (n: number, members: Partial<Run> = {}): Run => ({
  id: runId(n),
  host: 'rs2000',
  module: 'immich-server',
  kind: 'apply',
  who: 'bob@laptop',
  startedAt: '2026-11-24T12:04:01Z',
  sourceSha: SHA,
  digest: 'a'.repeat(64),
  ciUrl: null,
  outcome: 'applied',
  why: 'it is healthy',
  seconds: 30,
  ...members,
});

const result: RunsResult = {
  runs: [
    run(0x7e05, { outcome: 'applying', why: null, seconds: null }),
    run(0x7e04, { host: 'nas', module: 'forgejo', outcome: 'rolled_back', why: 'the container exited with code 3' }),
    run(0x7e03, { kind: 'rollback' }),
    run(0x7e02, { outcome: 'unknown', why: 'it never told its end', seconds: null }),
    run(0x7e01, { kind: null, outcome: 'interrupted', why: 'it ended before anything was changed', seconds: null }),
    run(0x7e00, {
      module: null,
      who: null,
      startedAt: null,
      sourceSha: null,
      outcome: 'remote_failed',
      why: '\x1b[2Jx',
    }),
  ],
  more: true,
  errors: [
    {
      module: null,
      code: 'PCTL-HOST-SILENT',
      summary: 'edge did not let us in within 15 s',
      where: { host: 'edge', step: 'connect' },
      why: 'no SSH server answered',
      hint: 'platformctl host check edge',
      exitCode: 7,
    },
  ],
  exitCode: 7,
};
const fine: RunsResult = { runs: [run(1)], more: false, errors: [], exitCode: 0 };

it('R-8 runs: a line each, what went wrong, which one to look at; text and JSON', async () => {
  await golden('runs', runsText(result, PLAIN));
  await golden('runs-fine', runsText(fine, PLAIN) + runsText({ ...fine, runs: [] }, PLAIN));
  for (const one of [result, fine]) valid('runs-output', runsJson(one));
});

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const logs: RunLogs = {
  run: run(0x7e04, { outcome: 'rolled_back', kind: 'rollback', why: 'the container exited with code 3', seconds: 12 }),
  journal: [{ step: 'up', state: 'started', exit: 0, at: 1001, detail: '\x1b-' }],
  steps: [
    { at: 0, step: 'files', state: 'done', detail: '2 swapped, previous kept' },
    { at: 1, step: 'up', state: 'started', detail: 'docker compose up' },
    { at: 5, step: 'verify', state: 'failed', detail: 'the container exited with code 3\n\x1b[2J' },
    { at: 12, step: 'verify', state: 'done', detail: 'what was there before runs again' },
  ],
  outputs: [
    { name: 'up.err', size: 8, bytes: encode('a\x1b[2Jb\r\n') },
    { name: 'container.log', size: 2_000_000, bytes: encode('no\u202e\n') },
  ],
  notAsked: [],
};

it('R-8, O-5 logs RUN: what it was, each step, then what the steps said; text and JSON', async () => {
  const bare: RunLogs = {
    ...logs,
    run: run(1, { who: null, startedAt: null, sourceSha: null }),
    journal: [],
    steps: [],
    outputs: [],
  };
  const heads = logs.outputs.map((output) => outputHead(output, PLAIN)).join('');
  await golden('run-logs', runLogsText(logs, PLAIN) + heads + runLogsText(bare, PLAIN));
  for (const one of [logs, bare]) valid('run-logs-output', runLogsJson(one, false));
  const contents = (raw: boolean) =>
    (runLogsJson(logs, raw) as { outputs: { content: string; truncated: boolean }[] }).outputs;
  expect(contents(false)).toMatchObject([
    { content: 'a\\x1b[2Jb\n', truncated: false },
    { content: 'no<U+202E>\n', truncated: true },
  ]);
  expect(contents(true)[0]?.content).toBe('a\x1b[2Jb\r\n');
});

it('I-4 logs ID --json: the end of the log, however long it was', async () => {
  const log = gather(10);
  for (let n = 0; n < 100; n += 1) await log.stream.write(encode(`line ${n}\n`));
  const document = containerLogsJson({ module: 'web', host: 'nas', containerId: 'c'.repeat(64), ...log.end() }, false);
  expect(document).toMatchObject({ content: 'line 99\n', truncated: true });
  valid('logs-output', document);
  const short = gather(10);
  await short.stream.write(encode('one\n'));
  expect(short.end()).toMatchObject({ truncated: false, bytes: Buffer.from('one\n') });
});
