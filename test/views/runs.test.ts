import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import type { Run, RunsResult } from '../../src/flows/results.js';
import { runsJson, runsText } from '../../src/views/runs.js';
import type { Style } from '../../src/views/style.js';
import { runId, SHA } from '../record/samples.js';

const PLAIN: Style = { colour: false, full: false, now: null, terminal: false };
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
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
  const check = ajv.compile(JSON.parse(readFileSync('schemas/runs-output.schema.json', 'utf8')));
  for (const one of [result, fine]) {
    check(JSON.parse(JSON.stringify(runsJson(one))));
    expect(check.errors ?? []).toEqual([]);
  }
});
