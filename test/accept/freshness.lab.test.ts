/** What happened between plan and apply (G-9, P-5, X-11): what makes an approved plan stale, and what does not. On an engine of its own, because it is restarted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, startLab } from '../lab/lab.js';
import { IDLE, type Stage, stage } from './stage.js';

let lab: Lab;
let on: Stage;
const MOVING = 'lab/moving-fresh:live';
const PAGE = { ...IDLE, volumes: ['./page:/page:ro'] };
const SERVICES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  twice: IDLE,
  edited: PAGE,
  recreated: IDLE,
  moved: { ...IDLE, image: MOVING },
  stopped: IDLE,
  restarted: { ...IDLE, restart: 'unless-stopped' },
  // Ends whenever it is told to, and the engine starts it again.
  flaps: { ...IDLE, restart: 'always', command: ['sh', '-c', 'until [ -e /end ]; do sleep 1; done; rm /end; exit 1'] },
};
const IDS = Object.keys(SERVICES);

async function write(mark: string): Promise<void> {
  for (const [id, service] of Object.entries(SERVICES)) {
    // What flaps is repaired by the change.
    const command = id === 'flaps' && mark === 'planned' ? { command: IDLE.command } : {};
    await on.module(id, { compose: { services: { [id]: { ...service, ...command, environment: { MARK: mark } } } } });
  }
  await on.repo.write('modules/edited/page', mark);
  await on.repo.publish(mark);
}

const idOf = (id: string): Promise<string> => on.container(on.project(id), id);
const markOf = (id: string): Promise<string> => on.inside(id, 'sh', '-c', 'echo $MARK');
const folderOf = (id: string): string => `${on.repo.remoteRoot()}/modules/${id}`;
const condition = async (id: string): Promise<string> =>
  lab.docker('inspect', '--format', '{{.State.Status}}', await idOf(id));

beforeAll(async () => {
  lab = await startLab({ ownEngine: true });
  on = await stage(lab);
  await lab.docker('tag', 'lab/busybox:1', MOVING);
  await write('applied');
  const { applied } = await on.ship(...IDS);
  expect([...applied.values()].map(({ exit }) => exit)).toEqual(IDS.map(() => 9));
  await write('planned');
  const planned = await on.plan(...IDS);
  expect([planned.exit, planned.errors]).toEqual([1, []]);
  await on.approve(...IDS);
});

afterAll(async () => {
  await on?.dispose();
  await lab?.stop();
});

describe('G-9 stale: 8, and nothing was changed', () => {
  it('a plan that was applied already', async () => {
    expect(await on.apply('twice')).toMatchObject({ exit: 9, outcome: 'applied' });
    const container = await idOf('twice');
    const again = await on.apply('twice');
    expect(again).toMatchObject({ exit: 8, outcome: 'stale' });
    expect(again.failures.map(({ code }) => code)).toContain('PCTL-PLAN-SPENT');
    expect(await idOf('twice')).toBe(container);
  });

  it('somebody changed a file on the host; a new plan tells which', async () => {
    const container = await idOf('edited');
    await on.onHost('host1', `echo by hand >${folderOf('edited')}/page`);
    expect(await on.apply('edited')).toMatchObject({ exit: 8, outcome: 'stale' });
    expect([await idOf('edited'), await on.inside('edited', 'cat', '/page')]).toEqual([container, 'by hand']);
    const planned = await on.plan('edited');
    expect(on.reasons(planned, 'edited')).toContain('file on host differs: page');
    await on.approve('edited');
    expect(await on.apply('edited')).toMatchObject({ exit: 9 });
    expect(await on.inside('edited', 'cat', '/page')).toBe('planned');
  });

  it('somebody recreated the container', async () => {
    await on.onHost(
      'host1',
      `cd ${folderOf('recreated')} && docker compose --env-file /dev/null -p ${on.project('recreated')} up -d --force-recreate recreated`,
    );
    const container = await idOf('recreated');
    expect(await on.apply('recreated')).toMatchObject({ exit: 8, outcome: 'stale' });
    expect([await idOf('recreated'), await markOf('recreated')]).toEqual([container, 'applied']);
  });

  it('X-11 the tag means another image by now', async () => {
    const container = await idOf('moved');
    await lab.docker('tag', 'lab/busybox:2', MOVING);
    expect(await on.apply('moved')).toMatchObject({ exit: 8, outcome: 'stale' });
    expect(await idOf('moved')).toBe(container);
  });
});

describe('P-5 not stale', () => {
  it('a service that flaps', async () => {
    const container = await idOf('flaps');
    await lab.docker('exec', container, 'touch', '/end');
    const seen = (): Promise<string> =>
      lab.docker('inspect', '--format', '{{.RestartCount}} {{.State.Status}}', container);
    await expect.poll(seen, { timeout: 60_000 }).toBe('1 running');
    expect(await on.apply('flaps')).toMatchObject({ exit: 9 });
    expect(await markOf('flaps')).toBe('planned');
  });

  it('a restart of the engine, as by a reboot: what it left stopped and what it started again', async () => {
    await lab.restartEngine();
    expect([await condition('stopped'), await condition('restarted')]).toEqual(['exited', 'running']);
    for (const id of ['stopped', 'restarted']) {
      expect([id, await on.apply(id)]).toMatchObject([id, { exit: 9, outcome: 'applied' }]);
      expect(await markOf(id)).toBe('planned');
    }
  });
});
