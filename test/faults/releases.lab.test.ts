/** rollback, removal and drift, disturbed: the client killed in the middle of each, a supervisor killed, a removal that fails. Real sshd, real engine. */
import { chmod, stat } from 'node:fs/promises';
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
  launchCommand,
  locks,
  replacing,
  runsOf,
  STUBBORN,
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
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
const there = (name: string): Promise<boolean> => exists(file(name));

async function ships(value: string, service: Readonly<Record<string, unknown>> = IDLE): Promise<void> {
  await on.repo.write('modules/slow/own.conf', value);
  await on.module('slow', {
    compose: {
      services: {
        slow: {
          ...service,
          environment: { VALUE: value },
          volumes: ['./own.conf:/own.conf:ro'],
          restart: 'always',
        },
      },
    },
    spec: { smoke: { stable_seconds: 2, timeout_seconds: 30 } },
  });
  const ended = await change(on, 'slow', value);
  expect(ended.exit, ended.said).toBe(9);
}

/** The commit has the module no more, and its removal is approved. Its container, which has to be killed. */
async function condemned(): Promise<string> {
  await ships('1', STUBBORN);
  const container = await on.container(on.project('slow'), 'slow');
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
  return container;
}

const value = (): Promise<string> => on.inside('slow', 'sh', '-c', 'echo $VALUE $(cat /own.conf)');
const recorded = (outcome: string) =>
  until(`the record of ${outcome}`, async () => (await document(on, 'slow'))?.outcome === outcome);

describe('B-2, X-5 a rollback whose client is killed with -9', () => {
  it('after go: the host brings it to its end and records it', async () => {
    await ships('1');
    await ships('2', STUBBORN);
    const before = await runsOf(on);
    const running = await launchCommand(on, ['rollback', 'slow'], '06');
    await journalled(on, before, /^up started/m);
    const old = await replacing(on, 'slow');
    running.child.kill('SIGKILL');
    await running.ended;
    await lab.docker('kill', old);
    await recorded('applied');
    expect(await document(on, 'slow')).toMatchObject({ kind: 'rollback', intent: null });
    expect(await value()).toBe('1 1');
    expect(await containers(on, 'slow')).toHaveLength(1);
    await until('the locks', async () => (await locks(on)).length === 0);
    const again = await launchCommand(on, ['rollback', 'slow', '--to', 'HEAD'], '06');
    expect((await again.ended).exit).toBe(9);
    expect(await value()).toBe('2 2');
  });

  /** Its client killed as soon as its run is there; false: that came too late, behind go. */
  async function killedBeforeGo(): Promise<boolean> {
    const before = await runsOf(on);
    const running = await launchCommand(on, ['rollback', 'slow'], '06');
    const taken = async () => (await runsOf(on)).find((run) => !before.includes(run)) ?? null;
    const run = await until('the locks taken', taken);
    running.child.kill('SIGKILL');
    await running.ended;
    await until('the locks', async () => (await locks(on)).length === 0);
    return !(await exists(`${on.repo.remoteRoot()}/.platform/runs/${run}/finish.out`));
  }

  it('before go: nothing was changed, and the lock is free', async () => {
    await ships('1');
    await ships('2');
    let serial = (await document(on, 'slow'))?.serial;
    for (let tries = 1; !(await killedBeforeGo()); tries += 1) {
      expect(tries).toBeLessThan(3);
      const forth = await launchCommand(on, ['rollback', 'slow', '--to', 'HEAD'], '06');
      expect((await forth.ended).exit).toBe(9);
      serial = (await document(on, 'slow'))?.serial;
    }
    expect((await document(on, 'slow'))?.serial).toBe(serial);
    expect(await value()).toBe('2 2');
    expect((await (await launchCommand(on, ['rollback', 'slow'], '06')).ended).exit).toBe(9);
  });
});

describe('P-13, X-5 a removal that is disturbed', () => {
  it('its client killed with -9: the host brings it to its end and records it', async () => {
    const container = await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    await journalled(on, before, /^stop started/m);
    running.child.kill('SIGKILL');
    await running.ended;
    await lab.docker('kill', container);
    await recorded('removed');
    expect(await containers(on, 'slow')).toEqual([]);
    expect([await there('own.conf'), await there('compose.yaml')]).toEqual([false, false]);
    expect((await on.repo.platformctl(['status'])).stdout).not.toContain('slow');
  });

  it('its supervisor killed with -9: the next look tells it, the next removal ends it', async () => {
    const container = await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    const run = await journalled(on, before, /^stop started/m);
    process.kill(await supervisor(on, run), 'SIGKILL');
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    await lab.docker('kill', container);
    await until('the locks', async () => (await locks(on)).length === 0);
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
    const container = await condemned();
    const before = await runsOf(on);
    const running = await launch(on, 'slow');
    await journalled(on, before, /^stop started/m);
    await chmod(file(''), 0o555);
    await lab.docker('kill', container);
    const ended = await running.ended;
    await chmod(file(''), 0o755);
    expect(ended.exit, ended.said).toBe(11);
    expect(await value()).toBe('1 1');
    expect([await there('own.conf'), await there('compose.yaml')]).toEqual([true, true]);
    expect(await document(on, 'slow')).toMatchObject({ outcome: 'rolled_back', kind: 'apply', intent: null });
  });
});

describe('P-11, X-6 drift', () => {
  it('killed with -9 in the middle leaves no lock and nothing to sweep, and changed nothing', async () => {
    await ships('1');
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
