/** The host's supervisor killed with -9: what it started holds the lock, the next look tells what it left, the next apply ends it. Real sshd, real engine. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  runsOf,
  sleep,
  statusOf,
  supervisor,
  until,
} from './scene.js';

const lab = sharedLab();
const SMOKE = { stable_seconds: 2, timeout_seconds: 30 };
let on: Stage;
beforeEach(async () => {
  on = await stage(lab);
});
afterEach(() => on.dispose());

/** A service that does not end when it is asked to: replacing it takes compose 8 s. */
async function stubborn(value: string): Promise<void> {
  await on.module('slow', {
    compose: {
      services: {
        slow: {
          image: 'lab/busybox:1',
          command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
          environment: { VALUE: value },
          restart: 'no',
          stop_grace_period: '8s',
        },
      },
    },
    spec: { smoke: SMOKE },
  });
}

/** An apply that is in the middle of `up`; its supervisor's process. */
async function inTheMiddle() {
  await stubborn('1');
  expect((await change(on, 'slow')).exit).toBe(9);
  const before = await runsOf(on);
  await stubborn('2');
  const sha = await on.repo.publish('2');
  await prepare(on, 'slow');
  const running = await launch(on, 'slow');
  const run = await journalled(on, before, /^up started/m);
  await until('compose', async () => (await processes('compose', on.project('slow'), 'up')).length > 0);
  await sleep(1_500);
  return { running, run, sha, pid: await supervisor(on, run) };
}

const composeUp = (): Promise<number[]> => processes('compose', on.project('slow'), '--no-deps');

/** plan tells of it, and its apply leaves exactly one container. */
async function ends(): Promise<void> {
  const planned = await on.plan('slow');
  expect(planned.exit, planned.said).toBe(1);
  expect(on.reasons(planned, 'slow')).toContain('left behind by an interrupted run');
  expect(planned.plans.get('slow')?.warnings.join('\n')).toContain('never recorded its end');
  await on.approve('slow');
  const ended = await apply(on, 'slow');
  expect(ended.exit, ended.said).toBe(9);
  expect(await containers(on, 'slow')).toHaveLength(1);
  expect(await on.inside('slow', 'sh', '-c', 'echo $VALUE')).toBe('2');
  expect((await on.plan('slow')).exit).toBe(0);
}

describe('the supervisor is killed in the middle of `up`', () => {
  it('compose goes on and holds the lock; then the next commands tell what was found', async () => {
    const { running, run, sha, pid } = await inTheMiddle();
    process.kill(pid, 'SIGKILL');
    expect(await composeUp()).not.toEqual([]);
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    expect(ended.result).toMatchObject({ outcome: 'unknown', run_id: run });
    if ((await composeUp()).length > 0) {
      expect(await locks(on)).toMatchObject([{ state: 'finishing' }, { state: 'finishing' }]);
      expect((await statusOf(on, 'slow')).row.interrupted).toMatchObject({ outcome: 'applying' });
    }
    await until('compose', async () => (await composeUp()).length === 0);
    await until('the lock', async () => (await locks(on)).length === 0);
    // Until the container has run for its stable time, nobody knows.
    const row = await until('the judgement', async () => {
      const told = (await statusOf(on, 'slow')).row;
      return told.interrupted?.outcome === 'unknown' ? null : told;
    });
    expect(row).toMatchObject({
      outcome: 'applying',
      intent: { run_id: run, sha },
      interrupted: { run_id: run, outcome: 'applied' },
    });
    await ends();
  });

  it('with its client and compose too: unknown, until an apply ends it', async () => {
    const { running, run, pid } = await inTheMiddle();
    running.child.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    for (const one of await composeUp()) process.kill(one, 'SIGKILL');
    await running.ended;
    await until('the lock', async () => (await locks(on)).length === 0);
    const { exit, row, said } = await statusOf(on, 'slow');
    expect(exit, said).toBe(15);
    expect(row.interrupted).toMatchObject({ run_id: run, outcome: 'unknown' });
    await ends();
  });
});

it('R-3 killed while it waits for a container that restarts in a loop, the run is never judged applied', async () => {
  await stubborn('1');
  expect((await change(on, 'slow')).exit).toBe(9);
  const before = await runsOf(on);
  await on.module('slow', {
    compose: {
      services: {
        slow: { image: 'lab/busybox:1', command: ['sh', '-c', 'sleep 3; exit 1'], restart: 'always', init: true },
      },
    },
    spec: { smoke: { stable_seconds: 6, timeout_seconds: 30 } },
  });
  await on.repo.publish('a loop');
  await prepare(on, 'slow');
  const running = await launch(on, 'slow');
  const run = await journalled(on, before, /^verify waiting 0 \d+ running/m);
  process.kill(await supervisor(on, run), 'SIGKILL');
  expect((await running.ended).exit).toBe(15);
  for (let look = 0; look < 4; look += 1) {
    const { exit, row } = await statusOf(on, 'slow');
    expect(row.interrupted?.outcome).toBe('unknown');
    expect(exit).toBe(15);
  }
});
