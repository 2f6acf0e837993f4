/** the client killed with -9 at each line of a good run's journal; the host brings it to its end every time. Real sshd, real engine. */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import { heldLocks } from './kill-sight.js';
import { change, containers, document, journalled, launch, prepare, runsOf, statusOf, until } from './scene.js';

const lab = sharedLab();
let on: Stage;

/** Each step of a good change as its journal has it, in order. */
const LINES = [
  'start started',
  'intent ended',
  'files ended',
  'up started',
  'up ended',
  'verify started',
  'verify waiting',
  'verify ended',
  'record ended',
  'end applied',
];

async function wants(value: string): Promise<void> {
  await on.repo.write('modules/web/page', `${value}\n`);
  const service = { ...IDLE, environment: { VALUE: value }, volumes: ['./page:/page:ro'] };
  await on.module('web', { compose: { services: { web: service } }, spec: { smoke: { stable_seconds: 1 } } });
}

const journal = (run: string): Promise<string> =>
  readFile(`${on.repo.remoteRoot()}/.platform/runs/${run}/journal`, 'utf8').catch(() => '');

/** The lines of a journal, each by its step and state. */
const steps = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').slice(0, 2).join(' '));

/** Waits for a line of the next run and looks without a pause between: some lines are there for a few milliseconds only before the next one. */
async function reached(before: readonly string[], line: string): Promise<string> {
  const run = await until('the run', async () => (await runsOf(on)).find((one) => !before.includes(one)) ?? null);
  const end = Date.now() + 120_000;
  for (let last = false; !last; await pause(1)) {
    last = Date.now() >= end;
    if (steps(await journal(run)).includes(line)) return run;
  }
  throw new Error(`after 120 s no ${line} in ${await journal(run)}`);
}

beforeAll(async () => {
  on = await stage(lab);
  await wants('0');
  const first = await change(on, 'web');
  expect(first.exit, first.said).toBe(9);
});
afterAll(() => on?.dispose());

describe('X-5, X-6 the client is killed with -9 at', () => {
  it.each(LINES)('`%s`: the run ends applied by itself, and its locks are free', async (line) => {
    await wants(line);
    const sha = await on.repo.publish(line);
    await prepare(on, 'web');
    const before = await runsOf(on);
    const running = await launch(on, 'web');
    const run = await reached(before, line);
    running.child.kill('SIGKILL');
    await running.ended;
    await journalled(on, before, /^end /m);
    // The table is whole: a step that a journal has and the table lacks would be one that nobody was killed at.
    expect([...new Set(steps(await journal(run)))]).toEqual(LINES);
    await until('the locks', async () => (await heldLocks(on)).length === 0);
    const { exit, row, said } = await statusOf(on, 'web');
    expect(exit, said).toBe(0);
    const attempt = { run_id: run, sha, outcome: 'applied' };
    expect(row).toMatchObject({ source: 'host', outcome: 'applied', intent: null, last_apply_sha: sha, attempt });
    expect(await containers(on, 'web')).toEqual([(await document(on, 'web'))?.container_id]);
    expect(await on.inside('web', 'sh', '-c', 'echo "$VALUE"; cat /page')).toBe(`${line}\n${line}`);
  });
});
