/** the way to the host swallows every packet, for 5 s and for good. A real network that is cut, real sshd, real engine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortRun } from '../../src/run-id.js';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import { type FarHost, farHost, knock } from './far-host.js';
import { heldLocks } from './kill-sight.js';
import {
  apply,
  containers,
  document,
  journalled,
  launch,
  prepare,
  processes,
  type Running,
  replacing,
  runsOf,
  STUBBORN,
  silentRegistry,
  sleep,
  statusOf,
  until,
} from './scene.js';

const lab = sharedLab();
/** What a busy machine may add to a limit. Milliseconds. */
const SPARE = 60_000;
/** Three missed keepalives, X-8. Milliseconds. */
const LOST = 60_000;
/** How long platformctl tries to come back, and its last try. Milliseconds. */
const AGAIN = 90_000 + 15_000;
/** How long a host waits for a word before go, X-5. Milliseconds. */
const PATIENCE = 60_000;

let on: Stage;
let far: FarHost;
let registry: Awaited<ReturnType<typeof silentRegistry>>;

const slow = (value: string) => ({ ...STUBBORN, environment: { VALUE: value } });

async function wants(id: string, service: Record<string, unknown>): Promise<void> {
  await on.module(id, {
    compose: { services: { [id]: service } },
    spec: { smoke: { stable_seconds: 2, timeout_seconds: 30 } },
  });
}

/** An apply of the slow service's next value, in the middle of `up` until its `old` container is killed. */
async function inTheMiddle(value: string) {
  await wants('slow', slow(value));
  const sha = await on.repo.publish(value);
  await prepare(on, 'slow');
  const before = await runsOf(on);
  const running = await launch(on, 'slow');
  const run = await journalled(on, before, /^up started/m);
  return { running, run, sha, old: await replacing(on, 'slow') };
}

const journal = (run: string): Promise<string> =>
  readFile(`${on.repo.remoteRoot()}/.platform/runs/${run}/journal`, 'utf8');

beforeAll(async () => {
  registry = await silentRegistry();
  far = await farHost(lab);
  on = await stage(lab, { hosts: { [lab.host().name]: far.at } });
  await wants('slow', slow('1'));
  await wants('pull', IDLE);
  await wants('wait', IDLE);
  await on.repo.publish('three services');
  const { applied } = await on.ship('slow', 'pull', 'wait');
  expect([...applied.values()].map(({ exit }) => exit)).toEqual([9, 9, 9]);
});
afterAll(async () => {
  await far?.remove();
  registry?.close();
  await on?.dispose();
});

describe('X-5, X-8 the wire is cut in the middle of `up`', () => {
  it('and mended after 5 s: the outcome is told as if nothing had been, 9', async () => {
    const { running, run, sha, old } = await inTheMiddle('2');
    await far.cut();
    await sleep(5_000);
    expect(await journal(run), 'compose is still at it').not.toContain('up ended');
    await far.mend();
    await lab.docker('kill', old);
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(9);
    expect(ended.result).toMatchObject({ outcome: 'applied', run_id: run });
    expect(await document(on, 'slow')).toMatchObject({ outcome: 'applied', intent: null, last_apply_sha: sha });
    expect(await heldLocks(on)).toEqual([]);
  });
});

/** One wire, cut once, for three applies at once: one behind `go`, two before it. */
describe('X-5, X-8 the wire is cut and never mended', () => {
  let after: Awaited<ReturnType<typeof inTheMiddle>>;
  let pull: Running;
  let wait: Running;
  let since: number;
  let holder: ChildProcess | undefined;
  const found = new Map<string, readonly string[]>();

  const root = (): string => on.repo.remoteRoot();
  const inPull = (): Promise<number[]> => processes('docker', 'pull', `${registry.address}/never:1`);

  beforeAll(async () => {
    for (const id of ['pull', 'wait']) found.set(id, await containers(on, id));
    await wants('pull', { ...IDLE, image: `${registry.address}/never:1` });
    await wants('wait', { ...IDLE, environment: { VALUE: '2' } });
    await on.repo.publish('two more');
    expect((await on.plan('pull', 'wait')).exit).toBe(1);
    await on.approve('pull', 'wait');
    // Without a fork: who is killed is who holds it.
    holder = spawn('flock', ['--no-fork', `${root()}/.platform/locks/module.wait`, 'sleep', '600']);
    await until('the lock held', async () => (await heldLocks(on)).includes('module.wait'));
    // Where the lock is not had, the run's folder is gone again at once: nobody who looks now and then sees it.
    let tried = false;
    const runs = watch(`${root()}/.platform/runs`, () => {
      tried = true;
    });
    wait = await launch(on, 'wait', '--lock-wait', '300');
    await until('a try for the lock', async () => tried);
    runs.close();
    pull = await launch(on, 'pull');
    await until('the pull', async () => (await inPull()).length > 0);
    expect(await heldLocks(on)).toContain('module.pull');
    after = await inTheMiddle('3');
    await far.cut();
    since = Date.now();
    await lab.docker('kill', after.old);
  });
  afterAll(() => holder?.kill('SIGKILL'));

  async function endsBeforeGo(id: string, running: Running): Promise<void> {
    const ended = await running.ended;
    expect(ended.at - since).toBeLessThan(LOST + SPARE);
    expect(ended.exit, ended.said).toBe(7);
    expect(ended.result).toMatchObject({ outcome: 'remote_failed', changed: false });
    expect(await containers(on, id)).toEqual(found.get(id));
    expect(await document(on, id)).toMatchObject({ outcome: 'applied', intent: null, serial: 1 });
  }

  it('nobody is told: who knocks is neither let in nor refused', async () => {
    expect(await knock(far.at, 5_000)).toBe('silent');
  });

  it('before go, in a pull: 7 in its limit, nothing was changed, and the host lets go of its locks', async () => {
    await endsBeforeGo('pull', pull);
    const left = since + PATIENCE + SPARE - Date.now();
    await until('the lock', async () => !(await heldLocks(on)).includes('module.pull'), left);
    await until('the end of the pull', async () => (await inPull()).length === 0);
  });

  it('before go, in a wait for a lock: 7 in its limit, nothing was changed, and nobody waits any more', async () => {
    await endsBeforeGo('wait', wait);
    const left = since + PATIENCE + SPARE - Date.now();
    await until('every shell', async () => (await processes('platformctl', root())).length === 0, left);
    holder?.kill('SIGKILL');
    await until('the locks', async () => (await heldLocks(on)).length === 0);
  });

  it('after go: 15 in its limit, naming the run; the host went on by itself', async () => {
    const { running, run, sha } = after;
    const ended = await running.ended;
    expect(ended.at - since).toBeLessThan(LOST + AGAIN + SPARE);
    expect(ended.exit, ended.said).toBe(15);
    expect(ended.result).toMatchObject({ outcome: 'unknown', run_id: run });
    expect(ended.said).toContain(shortRun(run));
    expect(await journal(run)).toMatch(/^end applied/m);
    expect(await document(on, 'slow')).toMatchObject({ outcome: 'applied', intent: null, last_apply_sha: sha });
    expect(await heldLocks(on)).toEqual([]);
  });

  it('mended at last: status tells how it ended, the next plan has nothing to do, and the others apply', async () => {
    await far.mend();
    const { exit, row, said } = await statusOf(on, 'slow');
    expect(exit, said).toBe(0);
    expect(row).toMatchObject({ source: 'host', outcome: 'applied', last_apply_sha: after.sha, interrupted: null });
    expect((await on.plan('slow')).exit).toBe(0);
    expect(await containers(on, 'slow')).toHaveLength(1);
    expect((await apply(on, 'wait')).exit).toBe(9);
  });
});
