/** The host's supervisor killed with -9: what it started holds the lock, the next look tells what it left, the next apply ends it. Real sshd, real engine. */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  document,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  replacing,
  runsOf,
  STUBBORN,
  signal,
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

async function stubborn(value: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await on.module('slow', {
    compose: { services: { slow: { ...STUBBORN, environment: { VALUE: value }, ...more } } },
    spec: { smoke: SMOKE },
  });
}

/** An apply that is in the middle of `up` until its `old` container is killed; its supervisor's process. */
async function inTheMiddle() {
  await stubborn('1');
  expect((await change(on, 'slow')).exit).toBe(9);
  const before = await runsOf(on);
  // What an interrupted run left behind is watched for longer than its grace.
  await stubborn('2', { stop_grace_period: '2s' });
  const sha = await on.repo.publish('2');
  await prepare(on, 'slow');
  const running = await launch(on, 'slow');
  const run = await journalled(on, before, /^up started/m);
  const old = await replacing(on, 'slow');
  return { running, run, sha, old, pid: await supervisor(on, run) };
}

const composeUp = (): Promise<number[]> => processes('compose', on.project('slow'), '--no-deps');

/** What the host's audit chain says of a run. */
async function told(run: string): Promise<string[]> {
  const chain = await readFile(`${on.repo.remoteRoot()}/.platform/state/audit.jsonl`, 'utf8');
  const entries = chain
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { run_id: string; outcome: string });
  return entries.filter((entry) => entry.run_id === run).map((entry) => entry.outcome);
}

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
    const { running, run, sha, old, pid } = await inTheMiddle();
    process.kill(pid, 'SIGKILL');
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    expect(ended.result).toMatchObject({ outcome: 'unknown', run_id: run });
    expect(await locks(on)).toMatchObject([{ state: 'finishing' }, { state: 'finishing' }]);
    expect((await statusOf(on, 'slow')).row.interrupted).toMatchObject({ outcome: 'applying' });
    expect(await composeUp()).not.toEqual([]);
    await lab.docker('kill', old);
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
    // Whoever holds the lock writes it, here an apply that is refused.
    const again = await apply(on, 'slow');
    expect(again.exit, again.said).toBe(8);
    const [container] = await containers(on, 'slow');
    expect(await document(on, 'slow')).toMatchObject({
      outcome: 'applied',
      intent: null,
      last_apply_sha: sha,
      container_id: container,
      run_id: run,
      attempt: { run_id: run, outcome: 'applied' },
    });
    expect((await statusOf(on, 'slow')).row).toMatchObject({ outcome: 'applied', interrupted: null });
    expect((await on.plan('slow')).exit, 'the release is kept: nothing differs').toBe(0);
    expect(await told(run)).toEqual(['applying', 'applied']);
    expect(await on.repo.platformctl(['audit', 'verify', '--host', lab.host().name])).toMatchObject({ exit: 0 });
  });

  it('with its client and compose too: unknown, until an apply ends it', async () => {
    const { running, run, old, pid } = await inTheMiddle();
    running.child.kill('SIGKILL');
    signal([pid, ...(await composeUp())]);
    await running.ended;
    await until('the lock', async () => (await locks(on)).length === 0);
    const { exit, row, said } = await statusOf(on, 'slow');
    expect(exit, said).toBe(15);
    expect(row.interrupted).toMatchObject({ run_id: run, outcome: 'unknown' });
    await lab.docker('kill', old);
    await ends();
    expect(await told(run)).toEqual(['applying', 'unknown']);
  });
});

it('R-3 killed while it waits for a container that restarts in a loop, the run is never judged applied', async () => {
  await on.module('slow', { compose: { services: { slow: IDLE } }, spec: { smoke: SMOKE } });
  expect((await change(on, 'slow')).exit).toBe(9);
  const before = await runsOf(on);
  await on.module('slow', {
    compose: {
      services: {
        slow: {
          image: 'lab/busybox:1',
          command: ['sh', '-c', 'until [ -e /go ]; do sleep 1; done; sleep 1; exit 1'],
          restart: 'always',
          init: true,
        },
      },
    },
    spec: { smoke: { stable_seconds: 60, timeout_seconds: 90 } },
  });
  await on.repo.publish('a loop');
  await prepare(on, 'slow');
  const running = await launch(on, 'slow');
  const run = await journalled(on, before, /^verify waiting 0 \d+ running/m);
  process.kill(await supervisor(on, run), 'SIGKILL');
  const container = await on.container(on.project('slow'), 'slow');
  await lab.docker('exec', container, 'touch', '/go');
  await until('a restart', async () => (await lab.docker('inspect', '-f', '{{.RestartCount}}', container)) !== '0');
  expect((await running.ended).exit).toBe(15);
  for (let look = 0; look < 4; look += 1) {
    const { exit, row } = await statusOf(on, 'slow');
    expect(row.interrupted?.outcome).toBe('unknown');
    expect(exit).toBe(15);
  }
});
