/**
 * R-4 end to end: a write of the record fails, or its writer is killed, in the middle of an apply over real sshd and a real engine; then the exit, `status` and the
 * next apply say what is true. Every call of such a write, without a host: writes-host and writes-here.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Stage, stage } from '../accept/stage.js';
import { type Lab, startLab } from '../lab/lab.js';
import { attached } from './attached.js';
import {
  apply,
  change,
  containers,
  document,
  type Gate,
  gate,
  journalled,
  launch,
  prepare,
  processes,
  runsOf,
  servesPage,
  signal,
  statusOf,
  supervisor,
  until,
} from './scene.js';

// Of its own: who is traced from its sshd on is slow, whoever it is.
let lab: Lab;
const RENAME = 'rename,renameat,renameat2';
let on: Stage;
let verified: Gate;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab?.stop());
beforeEach(async () => {
  on = await stage(lab);
  verified = await gate(on);
  await servesPage(on, 'first', {});
  const first = await change(on, 'web');
  expect(first.exit, first.said).toBe(9);
});
afterEach(() => on.dispose());

const state = (path: string): string => `${on.repo.remoteRoot()}/.platform/state/${path}`;
const served = (): Promise<string> => on.inside('web', 'wget', '-qO-', 'http://127.0.0.1:8080/');

/** An apply of `second` that is verified until the gate is open; its run. */
async function verifying() {
  const sha = await servesPage(on, 'second', verified.smoke);
  await prepare(on, 'web');
  const before = await runsOf(on);
  const running = await launch(on, 'web');
  const run = await journalled(on, before, /^verify started/m);
  return { running, run, sha };
}

/** The chain of the host, and of this checkout, verify. */
async function chainsHold(): Promise<void> {
  for (const args of [['--host', lab.host().name], []]) {
    const { exit, stdout, stderr } = await on.repo.platformctl(['audit', 'verify', ...args]);
    expect(exit, stdout + stderr).toBe(0);
  }
}

/** The change is there and nothing recorded it; status says so, and whoever takes the lock writes it. */
async function judgedApplied(run: string, sha: string): Promise<void> {
  expect(await served()).toBe('second');
  const row = await until('the judgement', async () => {
    const found = (await statusOf(on, 'web')).row;
    return ['unknown', 'applying'].includes(found.interrupted?.outcome ?? '') ? null : found;
  });
  expect(row).toMatchObject({ source: 'host', interrupted: { run_id: run, outcome: 'applied' } });
  expect((await apply(on, 'web')).exit).toBe(8);
  expect(await document(on, 'web')).toMatchObject({ outcome: 'applied', intent: null, last_apply_sha: sha });
  expect((await on.plan('web')).exit).toBe(0);
  await chainsHold();
}

describe('R-4 on the host', () => {
  it('EIO at the fsync of the folder once the intent was renamed: 7, nothing changed, and the next look says so', async () => {
    await servesPage(on, 'second', {});
    await prepare(on, 'web');
    const [container] = await containers(on, 'web');
    const before = await runsOf(on);
    // From the daemon on: whoever waits until the conversation is seen may come after its intent.
    const fault = await attached(lab.host().sshd_pid, '-f', '-P', state('modules'), '-e', 'inject=fsync:error=EIO');
    const running = await launch(on, 'web');
    const ended = await running.ended.finally(() => fault.detach());
    const [run] = (await runsOf(on)).filter((one) => !before.includes(one));
    expect(ended.exit, ended.said).toBe(7);
    expect(ended.result).toMatchObject({ outcome: 'remote_failed', changed: false });
    expect(await containers(on, 'web')).toEqual([container]);
    expect(await served()).toBe('first');
    // The intent is on the disk all the same, or it is not: either way nobody is told that it was applied.
    expect((await statusOf(on, 'web')).row).toMatchObject({ interrupted: { run_id: run, outcome: 'rolled_back' } });
    const planned = await on.plan('web');
    expect(planned.exit, planned.said).toBe(1);
    await on.approve('web');
    const again = await apply(on, 'web');
    expect(again.exit, again.said).toBe(9);
    expect(await served()).toBe('second');
    await chainsHold();
  });

  it('EIO at the rename of the outcome: 16, and the next look judges it applied', async () => {
    const { running, run, sha } = await verifying();
    const fault = await attached(
      await supervisor(on, run),
      '-f',
      '-P',
      state('modules/web.status.json.new'),
      '-e',
      `inject=${RENAME}:error=EIO`,
    );
    verified.open();
    const ended = await running.ended;
    await fault.detach();
    expect(ended.exit, ended.said).toBe(16);
    expect(ended.result).toMatchObject({ outcome: 'applied_unrecorded', changed: true });
    expect(await document(on, 'web')).toMatchObject({ outcome: 'applying' });
    await judgedApplied(run, sha);
  });

  it('the supervisor and all of its own killed at that rename: unknown (15), and the next look judges it applied', async () => {
    const { running, run, sha } = await verifying();
    const pid = await supervisor(on, run);
    const begun = state('modules/web.status.json.new');
    const fault = await attached(pid, '-f', '-P', begun, '-e', `inject=${RENAME}:error=EIO:signal=STOP`);
    verified.open();
    const mv = await until('its rename', async () => {
      const found = await processes('mv', begun);
      return found.length > 0 && found;
    });
    signal([pid, ...(await processes(`runs/${run}/finish.sh`)), ...mv]);
    await fault.detach();
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    expect(await document(on, 'web')).toMatchObject({ outcome: 'applying' });
    await judgedApplied(run, sha);
  });
});

it('R-4 in the checkout: the client killed at the rename of its mirror; host, status and the next plan know better', async () => {
  const mirror = `${on.repo.dir}/.platform/state/modules/web.status.json`;
  const { running, run, sha } = await verifying();
  await attached(running.child.pid as number, '-f', '-e', `inject=${RENAME}:signal=KILL`);
  verified.open();
  const ended = await running.ended;
  expect([ended.exit, ended.result]).toEqual([null, null]);
  expect(JSON.parse(await readFile(mirror, 'utf8'))).toMatchObject({ outcome: expect.any(String) });
  const { exit, row, said } = await statusOf(on, 'web');
  expect(exit, said).toBe(0);
  expect(row).toMatchObject({
    source: 'host',
    outcome: 'applied',
    run_id: run,
    last_apply_sha: sha,
    interrupted: null,
  });
  expect(JSON.parse(await readFile(mirror, 'utf8'))).toMatchObject({ outcome: 'applied', run_id: run });
  expect((await on.plan('web')).exit).toBe(0);
  await chainsHold();
});
