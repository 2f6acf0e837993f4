/** One module's plan from what its host answered (P-6, P-12). */
import { describe, expect, it } from 'vitest';
import type { Resolved } from '../../src/compose/model.js';
import { references } from '../../src/compose/references.js';
import { planOf } from '../../src/flows/planned.js';
import type { HostConfig, ServiceModule } from '../../src/manifest/model.js';
import type { Plan } from '../../src/manifest/types.js';
import { planBytes } from '../../src/plan/artifact.js';
import { treeOf, wantedFiles } from '../../src/plan/files.js';
import { parsed } from '../compose/setup.js';
import { containerFixture, observationFixture, planFixture, statusFixture } from '../fixtures/plans.js';

const hex = (letter: string): string => letter.repeat(64);
const file = (path: string, role: string, letter: string) => ({
  path,
  source: 'commit',
  role,
  sha256: hex(letter),
  keyed: null,
  mode: '0644',
  delivered: true,
});

const module = {
  id: 'web',
  host: 'rs2000',
  manifestPath: 'modules/web/module.yaml',
  composeFile: 'core/compose.yaml',
  service: 'web',
  delivery: 'push',
  files: [],
  hostFiles: [],
  smoke: { timeoutSeconds: 120, stableSeconds: null, http: null, exits: null },
  dependsOn: [],
  protected: false,
} as unknown as ServiceModule;
const host = { remoteRoot: '/opt/platform', repoRoot: '', transport: 'ssh', user: 'platform-host-agent' } as HostConfig;
const tree = treeOf(
  ['core/.env', 'core/compose.yaml', 'core/app.env', 'core/sub/.env'].map((path) => ({
    path,
    mode: '100644',
    id: '4'.repeat(40),
  })),
);

/** The plan after the `.env` beside core/compose.yaml became another one and nothing else did. `envFiles`: what the host made of variables in their paths. */
async function afterDotenvChanged(
  text: string,
  envFiles: readonly string[] = [],
  before: Resolved | null = {},
  now: Resolved = {},
): Promise<Plan> {
  const compose = parsed(text, 'core/compose.yaml');
  const { engine } = observationFixture();
  const named = references(compose, 'web');
  const where = { file: 'core/compose.yaml' };
  const wanted = wantedFiles(
    module,
    host,
    { ...named, envFiles: [...named.envFiles, ...envFiles.map((path) => ({ path, required: true, where }))] },
    tree,
  );
  const planned = wanted.files.map(({ path, role }) => file(path, role, path === 'core/.env' ? '2' : '7'));
  const last = planFixture({ resolved: before ?? {} });
  const seen = (digest: string) => ({ kind: 'file', mode: '0644', uid: 1000, digest });
  const [half, answers, first, delivered, context] = [
    {
      prepared: {
        module,
        host,
        compose,
        composeFile: 'core/compose.yaml',
        references: named,
        project: { name: 'core', source: 'folder name' },
        tree,
        manifest: new Uint8Array(),
        context: { sacredPaths: [] },
      },
      status: statusFixture({
        files: wanted.files.map(({ path, role }) => file(path, role, path === 'core/.env' ? '1' : '7')) as never,
      }),
      skeleton: {
        resolved: now,
        variables: new Map(named.variables.map(({ name }) => [name, true])),
        image: 'lab/busybox:1',
      },
      hashNow: hex('d'),
      questions: { release: null, lastPlan: { module: 'web', digest: last.digest } },
      files: planned,
      wanted,
      warnings: [],
      exceptions: [],
      verdict: null,
      bytes: new Map(),
    },
    {
      files: new Map(planned.map(({ path }) => [path, seen(hex(path === 'core/.env' ? '1' : '7'))])),
      imageId: containerFixture().image,
      release: null,
      lastPlan: before === null ? new Uint8Array() : planBytes(last),
      labelHash: null,
      binds: new Map(),
      named: null,
      steering: [],
      kept: null,
    },
    { engine, containers: [containerFixture()], held: [] },
    { digests: new Map([['core/.env', new Set([hex('1')])]]), byOthers: () => new Set() },
    {
      version: '0.1.0',
      createdAt: '2026-11-24T12:00:00Z',
      sourceSha: '1'.repeat(40),
      dirty: () => false,
      policyOf: () => ({ ref: 'main', sha: '1'.repeat(40), digest: hex('3') }),
      relation: async () => 'descendant',
      declaredAt: async () => null,
    },
  ] as unknown as Parameters<typeof planOf>;
  const looked = await planOf(half, answers, first, delivered, context, null, new Set());
  if ('failures' in looked) throw new Error(JSON.stringify(looked.failures));
  return looked.plan;
}

const service = (more: string): string => `services:\n  web:\n    image: lab/busybox:1\n${more}`;

describe('P-6 a changed .env is a reason for a service that names it as env_file', () => {
  it.each([
    ['as it is', '.env', []],
    ['from its folder', './.env', []],
    ['with a slash too many', './/.env', []],
    ['by way of the folder above', '../core/.env', []],
    ['by a variable', `\${ENV_FILE:-.env}`, ['.env']],
    ['by a variable, in another spelling', `\${ENV_FILE:-.env}`, ['.//.env']],
  ])('%s', async (_how, written, resolved) => {
    const plan = await afterDotenvChanged(service(`    env_file: ${written}\n`), resolved);
    expect(plan.changes[0]).toMatchObject({ action: 'update', reasons: ['env file changed: .env'] });
    expect(plan).toMatchObject({ recreates: true, force_recreate: false, exitCode: 1 });
  });

  it.each([
    ['mounts it', 'volumes: ["./.env:/env:ro"]', ''],
    ['mounts its folder', 'volumes: [".:/app"]', ''],
    ['has it as a secret', 'secrets: [env]', 'secrets: { env: { file: .env } }'],
  ])('and one that %s is recreated by force: compose does not look there', async (_how, line, top) => {
    const plan = await afterDotenvChanged(`${service(`    ${line}\n`)}${top}\n`);
    expect(plan.changes[0]).toMatchObject({ action: 'update', reasons: ['env file changed: .env'] });
    expect(plan).toMatchObject({ recreates: true, force_recreate: true });
  });

  it.each([
    ['that of another folder', 'env_file: sub/.env'],
    ['another name', 'env_file: app.env'],
    ['none', 'hostname: web'],
  ])('but not where it names %s', async (_how, line) => {
    expect((await afterDotenvChanged(service(`    ${line}\n`))).exitCode).toBe(0);
  });
});

describe('G-8, P-6 a top-level entry that takes a variable', () => {
  const forced = { recreates: true, force_recreate: true };
  it.each([
    ['a network by its name', 'networks: [proxy]', `networks: { proxy: { external: true, name: "\${NET}" } }`],
    ['a volume by its name', 'volumes: ["data:/d"]', `volumes: { data: { name: "\${VOL}" } }`],
    ['a config by its content', 'configs: [motd]', `configs: { motd: { content: "\${MOTD}" } }`],
    ['a secret by the name of one', 'secrets: [key]', 'secrets: { key: { environment: KEY } }'],
  ])('%s: a changed .env recreates by force, since it is in no hash', async (_what, line, top) => {
    const plan = await afterDotenvChanged(`${service(`    ${line}\n`)}${top}\n`, [], null);
    expect(plan.changes[0]).toMatchObject({ action: 'update', reasons: ['env file changed: .env'] });
    expect(plan).toMatchObject(forced);
  });

  it('a network or volume that is as it was in the last plan needs no force; a config may be another one', async () => {
    const network = `${service('    networks: [proxy]\n')}networks: { proxy: { external: true, name: "\${NET}" } }\n`;
    expect(await afterDotenvChanged(network)).toMatchObject({ recreates: true, force_recreate: false });
    const config = `${service('    configs: [motd]\n')}configs: { motd: { content: "\${MOTD}" } }\n`;
    expect(await afterDotenvChanged(config)).toMatchObject(forced);
  });

  it('without one, and with a dollar that is none, nothing is forced', async () => {
    const text = `${service(`    hostname: "\${H}"\n    networks: [proxy]\n`)}networks: { proxy: { labels: { a: $$H } } }\n`;
    expect(await afterDotenvChanged(text)).toMatchObject({ recreates: true, force_recreate: false });
  });

  it.each([
    ['volumes', { volumes: { data: { name: 'one' } } }, { volumes: { data: { name: 'two' } } }],
    ['networks', { networks: { data: { name: 'one' } } }, { networks: { data: { external: true, name: 'one' } } }],
  ])('%s that became another one by it are refused (volume_changed)', async (kind, before, now) => {
    const text = service('    hostname: web\n');
    await expect(afterDotenvChanged(text, [], before, now)).rejects.toThrow(`the definition of ${kind}.data changed`);
    await expect(afterDotenvChanged(text, [], before, before)).resolves.toBeDefined();
    await expect(afterDotenvChanged(text, [], {}, now)).resolves.toBeDefined();
  });

  it('an option that a plan of an older release kept, and that is shown as *** by now, is the same one', async () => {
    const options = (password: string) => ({
      volumes: { data: { driver_opts: { password, size: '1' }, name: 'one' } },
    });
    const text = service('    hostname: web\n');
    await expect(afterDotenvChanged(text, [], options('hunter22'), options('***'))).resolves.toBeDefined();
  });
});
