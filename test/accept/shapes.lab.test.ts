/** Services and jobs as people run them, two modules of one compose file, and what must be shown before somebody agrees: protected modules, namespaces, volumes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/manifest/types.js';
import { sharedLab } from '../lab/shared.js';
import { type Applied, IDLE, type Planned, type Stage, stage } from './stage.js';

const lab = sharedLab();
const ALONE = { ...IDLE, network_mode: 'none' };
const SHARED = 'compose/core/compose.yaml';
const HEALTHY = {
  ...ALONE,
  command: ['httpd', '-f', '-p', '8080', '-h', '/etc'],
  network_mode: 'none',
  healthcheck: {
    test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/lab-image'],
    interval: '1s',
    retries: 3,
  },
};

let on: Stage;
beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

const condition = (planned: Planned, id: string): string | undefined => planned.plans.get(id)?.observed?.condition;

describe('X-1, V-1 what is applied runs', () => {
  const JOB = { ...ALONE, command: ['sh', '-c', 'echo "$$WHAT"'], environment: { WHAT: 'first' } };
  let applied: ReadonlyMap<string, Applied>;
  let again: Planned;
  beforeAll(async () => {
    await on.module('web', { compose: { services: { web: HEALTHY } } });
    await on.module('idle', { compose: { services: { idle: ALONE } } });
    await on.module('job', { compose: { services: { job: JOB } }, spec: { smoke: { exits: 0 } } });
    await on.repo.publish('A service with a healthcheck, one without, a job');
    ({ applied } = await on.ship('web', 'idle', 'job'));
    again = await on.plan('web', 'idle', 'job');
  });

  it.each([
    ['web', 'a service with a healthcheck', 'healthy'],
    ['idle', 'a service without one', 'running'],
    ['job', 'a job that ended with its code', 'stopped'],
  ])('%s, %s: 9, then 0 without a reason', (id, _what, how) => {
    expect(applied.get(id)).toMatchObject({ exit: 9, outcome: 'applied' });
    expect(on.reasons(again, id)).toEqual([]);
    expect(condition(again, id)).toBe(how);
    expect(again.exit).toBe(0);
  });

  it('R-1 status says what runs, and that the host said it', async () => {
    const { exit, stdout } = await on.repo.platformctl(['status', 'web', 'job', '--json']);
    expect(exit).toBe(0);
    const head = await on.repo.git('rev-parse', 'HEAD');
    const rows = (JSON.parse(stdout) as { modules: object[] }).modules;
    const one = {
      outcome: 'applied',
      last_apply_sha: head,
      source: 'host',
      runs: 'applied',
      approved_by: ['alice@example.net'],
    };
    expect(rows).toMatchObject([
      { module: 'job', ...one },
      { module: 'web', ...one },
    ]);
  });

  it('a job whose definition changed runs once more, and one that ends otherwise is not applied', async () => {
    await on.module('job', {
      compose: { services: { job: { ...JOB, environment: { WHAT: 'second' } } } },
      spec: { smoke: { exits: 0 } },
    });
    await on.repo.publish('Another job');
    const second = await on.ship('job');
    expect(on.reasons(second.planned, 'job')).toEqual(['service definition changed: environment.WHAT']);
    expect(second.applied.get('job')).toMatchObject({ exit: 9 });
    const container = await on.container(on.project('job'), 'job');
    expect(await lab.docker('logs', container)).toBe('second');

    await on.module('job', {
      compose: { services: { job: { ...JOB, command: ['sh', '-c', 'exit 3'] } } },
      spec: { smoke: { exits: 0 } },
    });
    await on.repo.publish('A job that fails');
    expect((await on.ship('job')).applied.get('job')).toMatchObject({ exit: 11, outcome: 'rolled_back' });
  });
});

describe('G-9, X-3 two modules of one compose file', () => {
  const both = (api: string, cache: string, members: object) => ({
    name: `${on.repo.id}-core`,
    services: {
      api: { ...ALONE, environment: { WHAT: api }, depends_on: ['cache'] },
      cache: { ...ALONE, environment: { WHAT: cache }, ...members },
    },
  });
  const container = (service: string): Promise<string> => on.container(`${on.repo.id}-core`, service);
  const write = async (api: string, cache: string, members: object = {}): Promise<void> => {
    const runtime = { project: `${on.repo.id}-core` };
    await on.module('api', { composeFile: SHARED, compose: both(api, cache, members), runtime });
    await on.module('cache', { composeFile: SHARED, runtime });
  };
  beforeAll(async () => {
    await write('one', 'one');
    await on.repo.publish('Two services in one file');
    await on.plan('api', 'cache');
    await on.approve('api', 'cache');
  });

  it('planned at one commit, applied one after the other: the second touches nothing of the first', async () => {
    expect(await on.apply('cache')).toMatchObject({ exit: 9 });
    const cache = await container('cache');
    expect(await on.apply('api')).toMatchObject({ exit: 9 });
    expect(await container('cache')).toBe(cache);
    expect((await on.plan('api', 'cache')).exit).toBe(0);
  });

  it('both changed, planned at one commit: each is recreated by its own apply only', async () => {
    const [api, cache] = [await container('api'), await container('cache')];
    await write('two', 'two');
    await on.repo.publish('Both change');
    const planned = await on.plan('api', 'cache');
    for (const id of ['api', 'cache'])
      expect(on.reasons(planned, id)).toEqual(['service definition changed: environment.WHAT']);
    await on.approve('api', 'cache');

    expect(await on.apply('api')).toMatchObject({ exit: 9 });
    const newer = await container('api');
    expect(newer).not.toBe(api);
    expect(await container('cache')).toBe(cache);
    expect(await on.inside('cache', 'sh', '-c', 'echo "$WHAT"')).toBe('one');

    expect(await on.apply('cache')).toMatchObject({ exit: 9 });
    expect(await container('cache')).not.toBe(cache);
    expect(await container('api')).toBe(newer);
    expect(await on.inside('cache', 'sh', '-c', 'echo "$WHAT"')).toBe('two');
    expect((await on.plan('api', 'cache')).exit).toBe(0);
  });

  it("P-6 a neighbour's change of the shared file is no reason, before and after its apply", async () => {
    await write('three', 'two');
    await on.repo.publish('Only api changes');
    const { planned, applied } = await on.ship('api', 'cache');
    expect([on.action(planned, 'api'), on.action(planned, 'cache')]).toEqual(['update', 'none']);
    expect([...applied.keys()]).toEqual(['api']);
    expect(on.reasons(await on.plan('cache'), 'cache')).toEqual([]);
  });

  it('B-1 the second one fails, whose file is the newer one by now: it is back as it was, from its own release', async () => {
    await write('four', 'four', { command: ['sh', '-c', 'exit 3'] });
    await on.repo.publish('Both change, one is broken');
    const planned = await on.plan('api', 'cache');
    expect(planned.exit, planned.said).toBe(1);
    await on.approve('api', 'cache');
    expect(await on.apply('api')).toMatchObject({ exit: 9 });
    const newer = await container('api');

    expect(await on.apply('cache')).toMatchObject({ exit: 11, outcome: 'rolled_back' });
    expect(await on.inside('cache', 'sh', '-c', 'echo "$WHAT"')).toBe('two');
    expect(await container('api')).toBe(newer);
    await write('four', 'two');
    await on.repo.publish('Repaired');
    expect(on.reasons(await on.plan('api', 'cache'), 'cache')).toEqual([]);
  });
});

describe('G-8, P-14 what cannot be taken back is said, and needs a signature', () => {
  const WITH_VOLUME = (label: string) => ({
    services: { stock: { ...ALONE, volumes: ['data:/data'] } },
    volumes: { data: { labels: { 'org.example.what': label } } },
  });
  const space = (what: string) => ({
    services: {
      vpn: { ...IDLE, environment: { WHAT: what } },
      tenant: { ...IDLE, network_mode: 'service:vpn' },
      shop: { ...ALONE, depends_on: { prepare: { condition: 'service_completed_successfully' } } },
      prepare: { ...ALONE, command: ['true'] },
    },
  });
  const write = async (what: string): Promise<void> => {
    await on.module('vault', {
      compose: { services: { vault: { ...ALONE, environment: { WHAT: what } } } },
      spec: { protected: true },
    });
    await on.module('stock', { compose: WITH_VOLUME(what) });
    await on.module('vpn', { composeFile: 'modules/vpn/compose.yaml', compose: space(what) });
    for (const id of ['tenant', 'shop'])
      await on.module(id, { composeFile: 'modules/vpn/compose.yaml', runtime: { project: on.project('vpn') } });
  };
  let first: Planned;
  let planned: Planned;
  const plan = (of: Planned, id: string): Plan => of.plans.get(id) as Plan;
  beforeAll(async () => {
    await write('one');
    await on.repo.publish('A protected module, a volume, a network of another');
    ({ planned: first } = await on.ship('vault', 'stock', 'vpn', 'shop'));
    await on.ship('tenant');
    await write('two');
    await on.repo.publish('All of them change');
    planned = await on.plan('vault', 'stock', 'vpn');
  });

  it('the first apply of each is not destructive', () => {
    for (const id of ['vault', 'stock', 'vpn']) expect(plan(first, id).destructive).toEqual([]);
  });

  it('P-14 a dependency that must have completed is not run, and the plan says so', () => {
    expect(plan(first, 'shop').also_affected.map(({ service }) => service)).toEqual(['prepare']);
  });

  it('G-8 recreating a protected module: 6 among the failures without a signature, 9 with one', async () => {
    expect(plan(planned, 'vault').destructive).toEqual(['recreates a protected module']);
    const unsigned = await on.apply('vault');
    expect(unsigned.exit).toBe(5);
    expect(unsigned.failures).toContainEqual(expect.objectContaining({ code: 'PCTL-DESTRUCTIVE', exitCode: 6 }));
    expect(unsigned.failures.filter(({ exitCode }) => exitCode !== 5 && exitCode !== 6)).toEqual([]);
    await on.approve('vault');
    expect(await on.apply('vault')).toMatchObject({ exit: 9 });
  });

  it('P-14 recreating a service in whose network another lives names it, and is destructive', async () => {
    const { also_affected, destructive } = plan(planned, 'vpn');
    expect(also_affected).toEqual([expect.objectContaining({ service: 'tenant' })]);
    expect(destructive).toEqual(['tenant lives in its namespaces and loses them']);
    const text = await on.repo.platformctl(['show', 'vpn']);
    expect(text.stdout).toMatch(/also affected\n\s+tenant: /);
  });

  it('P-14 the other is told to have lost it, and its apply gives it the new one', async () => {
    await on.approve('vpn');
    expect(await on.apply('vpn')).toMatchObject({ exit: 9 });
    const { planned: after, applied } = await on.ship('tenant');
    expect(on.reasons(after, 'tenant')).toEqual(['lost its network namespace']);
    expect(applied.get('tenant')).toMatchObject({ exit: 9 });
    const vpn = await on.container(on.project('vpn'), 'vpn');
    const tenant = await on.container(on.project('vpn'), 'tenant');
    expect(await lab.docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', tenant)).toBe(`container:${vpn}`);
    const settled = await on.plan('vpn', 'tenant', 'shop');
    expect(settled.exit, settled.said).toBe(0);
  });

  it('G-8 volume_changed: the definition of a volume that exists is refused (4), also where compose sees no change', async () => {
    expect(planned.plans.has('stock')).toBe(false);
    expect(planned.errors).toEqual([
      expect.objectContaining({ module: 'stock', code: 'PCTL-VOLUME-CHANGED', why: 'volume_changed', exitCode: 4 }),
    ]);
    expect(planned.exit).toBe(4);
  });

  it('G-8 a commit that takes `protected` away does not recreate it without that approval', async () => {
    const compose = { services: { vault: { ...ALONE, environment: { WHAT: 'three' } } } };
    await on.module('vault', { compose });
    await on.repo.publish('vault is no longer protected');
    const taken = await on.plan('vault');
    expect(plan(taken, 'vault').destructive).toEqual(['recreates a protected module']);
    await on.approve('vault');
    expect(await on.apply('vault')).toMatchObject({ exit: 9 });
    await on.module('vault', { compose: { services: { vault: { ...ALONE, environment: { WHAT: 'four' } } } } });
    await on.repo.publish('vault once more');
    expect(plan(await on.plan('vault'), 'vault').destructive).toEqual([]);
  });
});
