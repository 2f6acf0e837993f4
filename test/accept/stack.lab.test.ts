/** A stack of five services in one compose file (M-9), as an operator lives with it: first apply, an image bump, a broken one, back to the release before. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Plan } from '../../src/manifest/types.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Planned, type Stage, stage } from './stage.js';

const lab = sharedLab();
const SERVICES = ['database', 'cache', 'migrate', 'server', 'tunnel'] as const;
type Service = (typeof SERVICES)[number];
const SIX = { PLATFORMCTL_PHASE: '06' };
const id = (service: Service): string => (service === 'tunnel' ? 'shop-vpn' : `shop-${service}`);
let on: Stage;

/** `server` replaces members of that service, `services` those of the stack's. */
async function want(message: string, server: object = {}, services: object = {}): Promise<string> {
  const compose = {
    name: `${on.repo.id}-shop`,
    services: {
      tunnel: { ...IDLE, network_mode: 'service:server' },
      server: {
        ...IDLE,
        command: ['httpd', '-f', '-p', '8080', '-h', '/www'],
        volumes: ['./www:/www:ro'],
        depends_on: {
          database: { condition: 'service_healthy' },
          cache: { condition: 'service_started' },
          migrate: { condition: 'service_completed_successfully' },
        },
        ...server,
      },
      migrate: { ...IDLE, command: ['true'], depends_on: ['database'] },
      cache: IDLE,
      database: { ...IDLE, healthcheck: { test: ['CMD', 'true'], interval: '1s' } },
    },
  };
  const stack = {
    apiVersion: 'platformctl/v1',
    kind: 'Stack',
    metadata: { id: 'shop', description: 'A shop' },
    spec: {
      host: lab.host().name,
      runtime: { compose_file: 'modules/shop/compose.yaml' },
      smoke: { stable_seconds: 1, timeout_seconds: 40 },
      services: {
        server: {},
        database: { protected: true },
        cache: null,
        migrate: { smoke: { exits: 0 } },
        tunnel: { id: 'shop-vpn' },
        ...services,
      },
    },
  };
  await on.repo.write('modules/shop/compose.yaml', stringify(compose));
  await on.repo.write('modules/shop/stack.yaml', stringify(stack));
  await on.repo.write('modules/shop/www/index.html', 'shop\n');
  return on.repo.publish(message);
}

const container = (service: Service): Promise<string> => on.container(`${on.repo.id}-shop`, service);
const containers = async (): Promise<Record<Service, string>> =>
  Object.fromEntries(await Promise.all(SERVICES.map(async (service) => [service, await container(service)]))) as Record<
    Service,
    string
  >;
const networkOf = (containerId: string): Promise<string> =>
  lab.docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', containerId);
const serves = async (from: Service): Promise<string> =>
  lab.docker('exec', await container(from), 'wget', '-qO-', 'http://127.0.0.1:8080/');

/** C-1: a document against its schema. */
async function follows(schema: string, stdout: string): Promise<boolean> {
  const text = await readFile(new URL(`../../schemas/${schema}.schema.json`, import.meta.url), 'utf8');
  return new Ajv2020({ strict: false }).compile(JSON.parse(text))(JSON.parse(stdout));
}

const summary = (planned: Planned): Record<string, readonly string[] | string | undefined> =>
  Object.fromEntries(
    [...planned.plans.keys()].map((module) => {
      const reasons = on.reasons(planned, module);
      return [module, reasons.length > 0 ? reasons : on.action(planned, module)];
    }),
  );

interface Result {
  readonly module: string;
  readonly outcome: string;
  readonly notes: readonly string[];
}

async function apply(...args: string[]) {
  const { exit, stdout, stderr } = await on.repo.platformctl(['apply', ...args, '--json'], { env: SIX });
  const { results = [] } = JSON.parse(stdout) as { results?: Result[] };
  return {
    exit,
    outcomes: Object.fromEntries(results.map(({ module, outcome }) => [module, outcome])),
    notes: results.flatMap((result) => result.notes),
    said: stdout + stderr,
  };
}

const NONE = { 'shop-database': 'none', 'shop-cache': 'none', 'shop-migrate': 'none' };
const LIVES = 'lives in a namespace of server, which is recreated';
let release: string;

beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

describe('M-9 a stack of five services in one compose file', () => {
  it('is valid, and its name stands for its modules in dependency order', async () => {
    release = await want('first');
    const valid = await on.repo.platformctl(['validate']);
    expect(valid.exit, valid.stdout).toBe(0);
    const planned = await on.plan('shop');
    expect(planned.exit, planned.said).toBe(1);
    expect([...planned.plans.keys()]).toEqual([
      'shop-database',
      'shop-cache',
      'shop-migrate',
      'shop-server',
      'shop-vpn',
    ]);
    const text = await on.repo.platformctl(['plan', 'shop']);
    expect(text.stdout).toMatch(/^shop on /);
    expect(text.stdout).toMatch(/^next: platformctl approve shop +\(exit 1\)$/m);
  });

  it('one signature over all of its plans, and what each of them says of it', async () => {
    await on.approve('shop');
    const signatures = await Promise.all(
      SERVICES.map((service) =>
        readFile(join(on.repo.dir, '.platform/state/plans', `${id(service)}.plan.json.sig`), 'utf8'),
      ),
    );
    expect(new Set(signatures).size).toBe(1);
    expect(signatures[0]?.match(/BEGIN SSH SIGNATURE/g)).toHaveLength(1);
    const explained = await on.repo.platformctl(['explain-approval', 'shop', '--json']);
    expect(explained.exit, explained.stdout).toBe(0);
    expect(await follows('explain-approval', explained.stdout)).toBe(true);
    const { plans } = JSON.parse(explained.stdout) as { plans: { module: string; counted: number }[] };
    expect(plans.map(({ module, counted }) => `${module} ${counted}`)).toEqual([
      'shop-database 1',
      'shop-cache 1',
      'shop-migrate 1',
      'shop-server 1',
      'shop-vpn 1',
    ]);
    const shown = await on.repo.platformctl(['show', 'shop', '--json']);
    expect(await follows('plan-output', shown.stdout)).toBe(true);
    expect((JSON.parse(shown.stdout) as { plans: Plan[] }).plans.map((plan) => plan.module)).toEqual(
      plans.map(({ module }) => module),
    );
  });

  it('first apply: each after what it needs, the job ended before the server began; then nothing is left to do', async () => {
    const { exit, outcomes, said } = await apply('shop');
    expect(exit, said).toBe(9);
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['applied']));
    const time = async (service: Service, what: string): Promise<string> =>
      lab.docker('inspect', '--format', `{{.State.${what}}}`, await container(service));
    expect((await time('migrate', 'FinishedAt')) < (await time('server', 'StartedAt'))).toBe(true);
    expect((await time('database', 'StartedAt')) < (await time('migrate', 'StartedAt'))).toBe(true);
    expect(await serves('tunnel')).toBe('shop');
    const again = await on.plan('shop');
    expect([again.exit, summary(again)]).toEqual([0, { ...NONE, 'shop-server': 'none', 'shop-vpn': 'none' }]);
    const status = await on.repo.platformctl(['status', 'shop', '--json']);
    const { modules } = JSON.parse(status.stdout) as { modules: { module: string; outcome: string }[] };
    expect(modules.map(({ module, outcome }) => `${module} ${outcome}`).sort()).toEqual(
      SERVICES.map((service) => `${id(service)} applied`).sort(),
    );
  });

  it("a change of one service's part is no change of its neighbours, nor of their manifest digests", async () => {
    const before = await on.plan('shop');
    await want('smoke', {}, { cache: { smoke: { timeout_seconds: 41 } } });
    const after = await on.plan('shop');
    expect(after.exit, after.said).toBe(0);
    const moved = [...after.plans].filter(
      ([module, plan]) => plan.manifest_digest !== before.plans.get(module)?.manifest_digest,
    );
    expect(moved.map(([module]) => module)).toEqual(['shop-cache']);
  });

  it('an image bump of the server: the one in its network is planned with it (P-14), and gets the new one', async () => {
    const before = await containers();
    await want('bump', { image: 'lab/busybox:2' });
    const alone = await on.plan('shop-server');
    const planned = await on.plan('shop');
    expect(summary(planned)).toEqual({
      ...NONE,
      'shop-server': ['service definition changed: image'],
      'shop-vpn': [LIVES],
    });
    expect(planned.plans.get('shop-vpn')?.recreates).toBe(true);
    expect(planned.plans.get('shop-server')?.destructive).toEqual(['tunnel lives in its namespaces and loses them']);
    expect(planned.plans.get('shop-server')?.digest).toBe(alone.plans.get('shop-server')?.digest);
    await on.approve('shop');
    const { exit, outcomes, notes, said } = await apply('shop');
    expect(exit, said).toBe(9);
    expect(notes.filter((note) => note.includes('namespaces'))).toEqual([]);
    expect(outcomes).toMatchObject({
      'shop-database': 'no_changes',
      'shop-cache': 'no_changes',
      'shop-migrate': 'no_changes',
      'shop-server': 'applied',
      'shop-vpn': 'applied',
    });
    const after = await containers();
    for (const service of ['database', 'cache', 'migrate'] as const) expect(after[service]).toBe(before[service]);
    expect(after.server).not.toBe(before.server);
    expect(await networkOf(after.tunnel)).toBe(`container:${after.server}`);
    expect(await serves('tunnel')).toBe('shop');
    expect((await on.plan('shop')).exit).toBe(0);
  });

  it('a broken bump rolls back, the others keep their containers, and what was not reached is told', async () => {
    const before = await containers();
    await want('broken', { image: 'lab/busybox:1', command: ['sh', '-c', 'exit 3'] });
    await on.plan('shop');
    await on.approve('shop');
    const { exit, outcomes, notes, said } = await apply('shop');
    expect(exit, said).toBe(11);
    expect(notes).toContain('what lived in its namespaces lost them, and wants a new plan: tunnel');
    expect(outcomes).toMatchObject({ 'shop-server': 'rolled_back', 'shop-vpn': 'skipped' });
    const after = await containers();
    for (const service of ['database', 'cache', 'migrate', 'tunnel'] as const)
      expect(after[service], service).toBe(before[service]);
    expect(await lab.docker('inspect', '--format', '{{.Config.Image}} {{.State.Running}}', after.server)).toMatch(
      / true$/,
    );
    expect(await serves('server')).toBe('shop');
  });

  it('repaired: the server runs as it should, and the one in its network gets the new one', async () => {
    await want('repaired', { image: 'lab/busybox:2' });
    const planned = await on.plan('shop');
    expect(summary(planned)).toEqual({ ...NONE, 'shop-server': 'none', 'shop-vpn': ['lost its network namespace'] });
    await on.approve('shop');
    const { exit, said } = await apply('shop');
    expect(exit, said).toBe(9);
    expect(await serves('tunnel')).toBe('shop');
    expect((await on.plan('shop')).exit).toBe(0);
  });

  it('B-2 the server back to the release before; its neighbours keep their containers', async () => {
    const before = await containers();
    const whole = await on.repo.platformctl(['rollback', 'shop', '--json'], { env: SIX });
    expect(whole.stdout).toContain('shop-server');
    expect(whole.exit).toBe(3);
    const made = await on.repo.platformctl(['rollback', 'shop-server', '--to', release, '--out', 'back.json']);
    expect(made.exit, made.stdout + made.stderr).toBe(1);
    await on.approve('back.json');
    const { exit, outcomes, notes, said } = await apply('back.json');
    expect(exit, said).toBe(9);
    expect(notes).toContain('what lived in its namespaces lost them, and wants a new plan: tunnel');
    expect(outcomes).toEqual({ 'shop-server': 'applied' });
    const after = await containers();
    for (const service of ['database', 'cache', 'migrate', 'tunnel'] as const)
      expect(after[service], service).toBe(before[service]);
    expect(await lab.docker('inspect', '--format', '{{.Image}}', after.server)).toBe(lab.images['lab/busybox:1']);
    expect(await serves('server')).toBe('shop');
    const planned = await on.plan('shop-vpn');
    expect(on.reasons(planned, 'shop-vpn')).toEqual(['lost its network namespace']);
  });
});
