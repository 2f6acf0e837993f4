/** rollback, removal and drift, disturbed: the client killed in the middle of each, a supervisor killed, a removal that fails. Real sshd, real engine. */
import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  document,
  journalled,
  launch,
  launchCommand,
  locks,
  runsOf,
  statusOf,
  supervisor,
  until,
} from './scene.js';

const lab = sharedLab();
let on: Stage;
beforeEach(async () => {
  on = await stage(lab);
});
afterEach(() => on.dispose());

const file = (name: string): string => `${on.repo.remoteRoot()}/modules/slow/${name}`;
const there = (name: string): Promise<boolean> =>
  stat(file(name)).then(
    () => true,
    () => false,
  );

/** A service that does not end when it is asked to: stopping it takes 6 s. */
async function stubborn(value: string): Promise<void> {
  await on.repo.write('modules/slow/own.conf', value);
  await on.module('slow', {
    compose: {
      services: {
        slow: {
          image: 'lab/busybox:1',
          command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
          environment: { VALUE: value },
          volumes: ['./own.conf:/own.conf:ro'],
          restart: 'always',
          stop_grace_period: '6s',
        },
      },
    },
    spec: { smoke: { stable_seconds: 2, timeout_seconds: 30 } },
  });
  const ended = await change(on, 'slow', value);
  expect(ended.exit, ended.said).toBe(9);
}

/** The commit has the module no more, and its removal is approved. */
async function condemned(): Promise<void> {
  await stubborn('1');
  await on.repo.remove('modules/slow');
  await on.repo.publish('no more');
  const planned = await on.plan('slow', '--remove');
  expect(planned.exit, planned.said).toBe(1);
  expect(planned.plans.get('slow')?.changes.map((one) => `${one.action} ${one.target}`)).toEqual([
    'remove compose.service.slow',
    'remove file.modules/slow/compose.yaml',
    'remove file.modules/slow/own.conf',
  ]);
  await on.approve('slow');
}

const value = (): Promise<string> => on.inside('slow', 'sh', '-c', 'echo $VALUE $(cat /own.conf)');
const recorded = (outcome: string) =>
  until(`the record of ${outcome}`, async () => (await document(on, 'slow'))?.outcome === outcome, 60_000);

describe('B-2, X-5 a rollback whose client is killed with -9', () => {
  it('after go: the host brings it to its end and records it', async () => {
    await stubborn('1');
    await stubborn('2');
    const before = await runsOf(on);
    const running = await launchCommand(on, ['rollback', 'slow'], '06');
    await journalled(on, before, /^up started/m);
    running.child.kill('SIGKILL');
    await running.ended;
    await recorded('applied');
    expect(await document(on, 'slow')).toMatchObject({ kind: 'rollback', intent: null });
    expect(await value()).toBe('1 1');
    expect(await containers(on, 'slow')).toHaveLength(1);
    await until('the locks', async () => (await locks(on)).length === 0);
    const again = await launchCommand(on, ['rollback', 'slow', '--to', 'HEAD'], '06');
    expect((await again.ended).exit).toBe(9);
    expect(await value()).toBe('2 2');
  });

  it('before go: nothing was changed, and the lock is free', async () => {
    await stubborn('1');
    await stubborn('2');
    const [serial, before] = [(await document(on, 'slow'))?.serial, await runsOf(on)];
    const running = await launchCommand(on, ['rollback', 'slow'], '06');
    await until('the locks taken', async () => (await runsOf(on)).some((run) => !before.includes(run)));
    running.child.kill('SIGKILL');
    await running.ended;
    await until('the locks', async () => (await locks(on)).length === 0, 70_000);
    expect((await document(on, 'slow'))?.serial).toBe(serial);
    expect(await value()).toBe('2 2');
    expect((await (await launchCommand(on, ['rollback', 'slow'], '06')).ended).exit).toBe(9);
  });
});

describe('P-13, X-5 a removal that is disturbed', () => {
  it('its client killed with -9: the host brings it to its end and records it', async () => {
    await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    await journalled(on, before, /^stop started/m);
    running.child.kill('SIGKILL');
    await running.ended;
    await recorded('removed');
    expect(await containers(on, 'slow')).toEqual([]);
    expect([await there('own.conf'), await there('compose.yaml')]).toEqual([false, false]);
    expect((await on.repo.platformctl(['status'])).stdout).not.toContain('slow');
  });

  it('its supervisor killed with -9: the next look tells it, the next removal ends it', async () => {
    await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    const run = await journalled(on, before, /^stop started/m);
    process.kill(await supervisor(on, run), 'SIGKILL');
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    await until('the locks', async () => (await locks(on)).length === 0, 60_000);
    const seen = await on.repo.platformctl(['drift', 'slow', '--json']);
    expect(seen.exit, seen.stdout).toBe(15);
    const planned = await on.plan('slow', '--remove');
    expect(planned.said).toContain('never recorded its end');
    await on.approve('slow');
    const done = await apply(on, 'slow');
    expect(done.exit, done.said).toBe(9);
    expect(await containers(on, 'slow')).toEqual([]);
    expect(await there('own.conf')).toBe(false);
  });

  it('B-1 a file that cannot be taken away: the service runs again as it was (11)', async () => {
    await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    await journalled(on, before, /^stop started/m);
    await on.onHost(lab.host().name, `chmod 555 ${file('')}`);
    const ended = await running.ended;
    await on.onHost(lab.host().name, `chmod 755 ${file('')}`);
    expect(ended.exit, ended.said).toBe(11);
    expect(await value()).toBe('1 1');
    expect([await there('own.conf'), await there('compose.yaml')]).toEqual([true, true]);
    expect(await document(on, 'slow')).toMatchObject({ outcome: 'rolled_back', kind: 'apply', intent: null });
  });
});

describe('P-11, X-6 drift', () => {
  it('killed with -9 in the middle leaves no lock and nothing to sweep, and changed nothing', async () => {
    await stubborn('1');
    const [serial, runs] = [(await document(on, 'slow'))?.serial, await runsOf(on)];
    for (const ms of [300, 600, 900]) {
      const running = await launchCommand(on, ['drift']);
      setTimeout(() => running.child.kill('SIGKILL'), ms);
      await running.ended;
    }
    const { exit, row } = await statusOf(on, 'slow');
    expect([exit, row.condition, row.serial]).toEqual([0, 'running', serial]);
    expect(await runsOf(on)).toEqual(runs);
    expect(await locks(on)).toEqual([]);
    expect((await on.repo.platformctl(['drift'])).exit).toBe(0);
  });
});
