/** The Docker engine is restarted in the middle of an apply, as an upgrade of its package does: the outcome is a true one, and what was there before runs again (B-1, V-1, X-12). Real sshd, an engine of its own. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { type Lab, startLab } from '../lab/lab.js';
import { heldLocks } from './kill-sight.js';
import {
  containers,
  document,
  type Gate,
  gate,
  journalled,
  launch,
  type Running,
  replacing,
  runsOf,
  STUBBORN,
  until,
} from './scene.js';

let lab: Lab;
let on: Stage;
let verified: Gate;

/** The engine itself waits so long for it when it ends. */
const SLOW = { ...STUBBORN, stop_grace_period: '15s' };
const MODULES = {
  'up-no': SLOW,
  'up-always': { ...SLOW, restart: 'always' },
  'verify-no': IDLE,
  'verify-always': { ...IDLE, restart: 'always' },
};
type Id = keyof typeof MODULES;
const IDS = Object.keys(MODULES) as Id[];

/** @param held whether what is verified passes only once the gate is open */
async function wants(value: string, held: boolean): Promise<void> {
  for (const id of IDS) {
    const gated = held && id.startsWith('verify') ? verified.smoke : { timeout_seconds: 60 };
    await on.module(id, {
      compose: { services: { [id]: { ...MODULES[id], environment: { VALUE: value } } } },
      spec: { smoke: { stable_seconds: 2, ...gated } },
    });
  }
}

/** Publishes, plans, approves. */
async function approved(...ids: Id[]): Promise<string> {
  const sha = await on.repo.publish(ids.join(' '));
  const planned = await on.plan(...ids);
  expect(planned.exit, planned.said).toBe(1);
  await on.approve(...ids);
  return sha;
}

const journal = (run: string): Promise<string> =>
  readFile(`${on.repo.remoteRoot()}/.platform/runs/${run}/journal`, 'utf8');

interface Disturbed {
  readonly run: string;
  readonly running: Running;
}

/** An apply that has come to this line of its journal. */
async function at(id: Id, line: RegExp): Promise<Disturbed> {
  const before = await runsOf(on);
  const running = await launch(on, id);
  return { running, run: await journalled(on, before, line, id) };
}

/** The service's one container is the recorded one, runs, and has this value. */
async function runsWith(id: Id, value: string): Promise<void> {
  expect(await containers(on, id)).toEqual([(await document(on, id))?.container_id]);
  expect(await on.inside(id, 'sh', '-c', 'echo $VALUE')).toBe(value);
}

/** One restart for all: an engine is for every service of a host. */
describe('B-1, V-1, X-12 the engine is restarted', () => {
  const disturbed = {} as Record<Id, Disturbed>;
  let old: string;
  let sha: string;

  beforeAll(async () => {
    lab = await startLab({ ownEngine: true });
    on = await stage(lab);
    verified = await gate(on);
    await wants('1', false);
    old = await on.repo.publish('1');
    const { applied } = await on.ship(...IDS);
    expect(IDS.map((id) => applied.get(id)?.exit)).toEqual([9, 9, 9, 9]);
    await wants('2', true);
    sha = await approved(...IDS);
    const start = async (id: Id, line: RegExp): Promise<void> => {
      disturbed[id] = await at(id, line);
    };
    await Promise.all([start('verify-no', /^verify waiting/m), start('verify-always', /^verify waiting/m)]);
    await Promise.all([start('up-no', /^up started/m), start('up-always', /^up started/m)]);
    await Promise.all([replacing(on, 'up-no'), replacing(on, 'up-always')]);
    for (const id of IDS) expect(await journal(disturbed[id].run), id).not.toMatch(/^(up|verify) ended [^0]|^end /m);
    await lab.restartEngine();
    verified.open();
  });
  afterAll(async () => {
    await on?.dispose();
    await lab?.stop();
  });

  it.each(IDS)('in the middle of %s: a true outcome, and exactly one container, which runs', async (id) => {
    const { run, running } = disturbed[id];
    const ended = await running.ended;
    const said = `${ended.said}${await journal(run)}`;
    // Where the new container was started before the engine went, and came back with it, it is what was approved.
    const good = id === 'up-always' && ended.exit === 9;
    const outcome = good ? 'applied' : 'rolled_back';
    expect(ended.exit, said).toBe(good ? 9 : 11);
    expect(ended.result).toMatchObject({ outcome, run_id: run });
    expect(await document(on, id)).toMatchObject({
      outcome,
      last_apply_sha: good ? sha : old,
      intent: null,
      attempt: { run_id: run, sha, outcome },
    });
    await runsWith(id, good ? '2' : '1');
  });

  it('then all locks are free, and the next apply of each is a good one', async () => {
    expect(await heldLocks(on)).toEqual([]);
    const { applied } = await on.ship(...IDS);
    for (const [id, { exit, said }] of applied) expect(exit, `${id} ${said}`).toBe(9);
    for (const id of IDS) await runsWith(id, '2');
    expect((await on.plan(...IDS)).exit).toBe(0);
    expect(await heldLocks(on)).toEqual([]);
  });

  it('in the middle of a restore: it is restored once more, 11, and what was there before runs', async () => {
    const ids = ['verify-no', 'verify-always'] as const;
    for (const id of ids) {
      const broken = { ...MODULES[id], command: ['sh', '-c', 'exit 3'] };
      await on.module(id, { compose: { services: { [id]: broken } }, spec: { smoke: { stable_seconds: 2 } } });
    }
    await approved(...ids);
    verified.close();
    const restoring = await Promise.all(ids.map(async (id) => ({ id, ...(await at(id, /^back started/m)) })));
    for (const { run } of restoring)
      await until('the restored one', async () => /^restore ended 0(.|\n)*^verify waiting/m.test(await journal(run)));
    for (const { run } of restoring) expect(await journal(run)).not.toMatch(/^end /m);
    await lab.restartEngine();
    verified.open();
    for (const { id, run, running } of restoring) {
      const ended = await running.ended;
      const said = `${ended.said}${await journal(run)}`;
      expect(ended.exit, said).toBe(11);
      expect(said.match(/^restore ended 0/gm), said).toHaveLength(2);
      expect(await document(on, id)).toMatchObject({ outcome: 'rolled_back', intent: null });
      await runsWith(id, '2');
    }
    expect(await heldLocks(on)).toEqual([]);
  });
});
