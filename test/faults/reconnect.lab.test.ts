/** a connection that is lost after `go` changes nothing on the host; platformctl comes back and reads the journal. Real sshd, real engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  connectionOf,
  document,
  type Gate,
  gate,
  journalled,
  launch,
  prepare,
  runsOf,
  signal,
  supervisor,
} from './scene.js';

const lab = sharedLab();
let on: Stage;
let verified: Gate;

beforeAll(async () => {
  on = await stage(lab);
  verified = await gate(on);
});
afterAll(() => on.dispose());

/** An apply whose connection is gone at this line of its journal; `then`: what it waits for until then. */
async function lose(id: string, service: Record<string, unknown>, at: RegExp, then: () => unknown) {
  verified.close();
  await on.module(id, {
    compose: { services: { [id]: { ...IDLE, ...service } } },
    spec: { smoke: { stable_seconds: 1, ...verified.smoke } },
  });
  await on.repo.publish(id);
  await prepare(on, id);
  const before = await runsOf(on);
  const running = await launch(on, id);
  const run = await journalled(on, before, at);
  const connection = await connectionOf(on, run);
  expect(connection.length).toBeGreaterThan(0);
  signal(connection);
  await then();
  return { run, ended: await running.ended };
}

describe('X-5 the connection is lost after go', () => {
  it.each([
    ['in the middle of up', /^up started/m],
    ['while it is verified', /^verify started/m],
  ])("%s: the outcome is the journal's, applied, 9", async (where, at) => {
    const id = where.startsWith('in') ? 'mid' : 'late';
    const { run, ended } = await lose(id, { environment: { VALUE: '1' } }, at, verified.open);
    expect(ended.exit, ended.said).toBe(9);
    expect(ended.result).toMatchObject({ outcome: 'applied', run_id: run });
    expect(await document(on, id)).toMatchObject({ outcome: 'applied', intent: null });
  });

  it('a roll back that nobody watched is told as one, with the log of the container: 11', async () => {
    const broken = { command: ['sh', '-c', 'until [ -e /go ]; do sleep 1; done; echo broken; exit 3'] };
    const before = await runsOf(on);
    const { ended } = await lose('mid', broken, /^verify started/m, async () => {
      await lab.docker('exec', await on.container(on.project('mid'), 'mid'), 'touch', '/go');
      await journalled(on, before, /^back started/m);
      verified.open();
    });
    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result).toMatchObject({ outcome: 'rolled_back', log: ['broken'] });
  });

  it('the supervisor dies while nobody is connected: unknown, 15, and status tells more', async () => {
    verified.close();
    await on.module('dead', {
      compose: { services: { dead: { ...IDLE } } },
      spec: { smoke: { stable_seconds: 1, ...verified.smoke } },
    });
    await on.repo.publish('dead');
    await prepare(on, 'dead');
    const before = await runsOf(on);
    const running = await launch(on, 'dead');
    const run = await journalled(on, before, /^verify started/m);
    const connection = await connectionOf(on, run);
    signal([...connection, await supervisor(on, run)]);
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(15);
    expect(ended.result).toMatchObject({ outcome: 'unknown' });
  });
});
