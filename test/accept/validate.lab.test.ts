/** What is wrong with a platform repo, all of it in one go, and what is declared that this release does not build yet (M-2, M-11). */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { BARE, finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
/** A `git` first on PATH that notes each of its calls. */
let tools: string;
let calls: string;

interface Told {
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly hint: string | null;
}

async function validate(): Promise<{ exit: number | null; problems: Told[] }> {
  const { exit, stdout } = await on.repo.platformctl(['validate', '--json']);
  return { exit, problems: JSON.parse(stdout).problems };
}

/** Neither a plan of the work tree nor an offline one of a module with a problem may come to be. */
async function noPlan(...ids: string[]): Promise<void> {
  const planned = await on.plan('--offline', ...ids);
  expect([planned.exit, [...planned.plans.keys()]]).toEqual([3, []]);
}

beforeAll(async () => {
  on = await stage(lab);
  tools = await mkdtemp(join(tmpdir(), 'platformctl-tools-'));
  calls = join(tools, 'git.calls');
  const { stdout } = await finish('sh', ['-c', 'command -v git']);
  await writeFile(join(tools, 'git'), `#!/bin/sh\nprintf '%s\\n' "$*" >>${calls}\nexec ${stdout.trim()} "$@"\n`);
  await chmod(join(tools, 'git'), 0o755);
});
afterAll(async () => {
  await on.dispose();
  await rm(tools, { recursive: true, force: true });
});
beforeEach(() => rm(join(on.repo.dir, 'modules'), { recursive: true, force: true }));

describe('what is declared and not built yet is refused by name: 3', () => {
  it.each([
    ['pre_apply', { pre_apply: ['web.backup'] }],
    ['post_apply', { post_apply: ['web.notify'] }],
    ['secrets', { secrets: [{ file: '.env', from: 'sops:secrets/web.env' }] }],
  ])('spec.%s', async (name, spec) => {
    await on.module('web', { compose: { services: { web: IDLE } }, spec });
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems).toEqual([
      expect.objectContaining({ file: 'modules/web/module.yaml', message: expect.stringContaining(name) }),
    ]);
    await noPlan('web');
  });

  it('pack.yaml', async () => {
    await on.module('web', { compose: { services: { web: IDLE } } });
    await on.repo.write('modules/web/pack.yaml', 'apiVersion: platformctl/v1\nkind: Pack\n');
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems).toEqual([
      expect.objectContaining({ file: 'modules/web/pack.yaml', message: expect.stringContaining('pack.yaml') }),
    ]);
    await noPlan('web');
  });
});

describe('M-11 modules held against each other and against their compose files', () => {
  const services = { web: IDLE, api: IDLE };
  const shared = 'core/compose.yaml';
  const cases: readonly [name: string, code: string, hindered: string[], make: () => Promise<void>][] = [
    [
      'two modules with one host, project and service',
      'PCTL-MODULE-TWICE',
      ['web', 'zwei'],
      async () => {
        await on.module('web', { composeFile: shared, compose: { services }, runtime: { project: 'core' } });
        await on.module('zwei', { composeFile: shared, runtime: { project: 'core', compose_service: 'web' } });
      },
    ],
    [
      'one compose file under two projects',
      'PCTL-COMPOSE-PROJECTS',
      ['api', 'web'],
      async () => {
        await on.module('api', { composeFile: shared, compose: { services }, runtime: { project: 'one' } });
        await on.module('web', { composeFile: shared, runtime: { project: 'two' } });
      },
    ],
    [
      'a compose name: with a variable',
      'PCTL-COMPOSE-NAME',
      ['web'],
      async () => {
        await on.repo.write(
          'modules/web/module.yaml',
          stringify({
            apiVersion: 'platformctl/v1',
            kind: 'Module',
            metadata: { id: 'web' },
            spec: { host: 'host1', runtime: { compose_file: shared } },
          }),
        );
        await on.repo.write(shared, stringify({ services, name: '${NAME:-core}' }));
      },
    ],
    [
      'a service that the compose file does not have',
      'PCTL-COMPOSE-NO-SERVICE',
      ['web'],
      () => on.module('web', { composeFile: shared, compose: { services: { api: IDLE } } }),
    ],
    [
      'a smoke whose time-out is not above the stable time that holds without a healthcheck',
      'PCTL-SMOKE-TIMEOUT',
      ['web'],
      async () => {
        await on.repo.write(
          'modules/web/module.yaml',
          stringify({
            apiVersion: 'platformctl/v1',
            kind: 'Module',
            metadata: { id: 'web' },
            spec: { host: 'host1', runtime: { compose_file: shared }, smoke: { timeout_seconds: 20 } },
          }),
        );
        await on.repo.write(shared, stringify({ services }));
      },
    ],
    [
      'a circle of depends_on',
      'PCTL-DEPENDS-CIRCLE',
      ['api', 'web'],
      async () => {
        await on.module('web', { compose: { services }, spec: { depends_on: ['api'] } });
        await on.module('api', { compose: { services }, spec: { depends_on: ['web'] } });
      },
    ],
    [
      'a depends_on of no module',
      'PCTL-DEPENDS-UNKNOWN',
      ['web'],
      () => on.module('web', { compose: { services }, spec: { depends_on: ['nobody'] } }),
    ],
  ];
  it.each(cases)('%s: an error of validate with its place (%s), and no plan', async (_name, code, hindered, make) => {
    await make();
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems.map((problem) => problem.code)).toContain(code);
    const told = problems.find((problem) => problem.code === code) as Told;
    expect(told.line).toBeGreaterThan(1);
    expect(told.hint).not.toBeNull();
    await noPlan(...hindered);
  });
});

describe('M-2 all problems at once', () => {
  it('of manifests, config, compose files and allowed_signers, each with file, line, hint and code', async () => {
    const config = await readFile(join(on.repo.dir, '.platform/config.yaml'), 'utf8');
    const signers = await readFile(join(on.repo.dir, '.platform/allowed_signers'), 'utf8');
    await on.module('web', { compose: { services: { api: IDLE } }, spec: { hots: 'host1', depends_on: ['nobody'] } });
    await on.module('api', { compose: { services: { api: { ...IDLE, configs: ['missing'] } } }, host: 'host9' });
    await on.repo.write('modules/bad/module.yaml', 'a: [\n');
    await on.repo.write('.platform/config.yaml', `${config}polcy: {}\n`);
    await on.repo.write('.platform/allowed_signers', `${signers}*@example.net ssh-ed25519 AAAA\n`);
    const { exit, problems } = await validate();
    await on.repo.write('.platform/config.yaml', config);
    await on.repo.write('.platform/allowed_signers', signers);
    expect(exit).toBe(3);
    expect(new Set(problems.map(({ file }) => file))).toEqual(
      new Set([
        '.platform/allowed_signers',
        '.platform/config.yaml',
        'modules/api/module.yaml',
        'modules/bad/module.yaml',
        'modules/web/module.yaml',
      ]),
    );
    for (const problem of problems)
      expect(problem).toMatchObject({ code: expect.stringMatching(/^PCTL-/), line: expect.any(Number) });
    expect(problems.find(({ message }) => message.includes('polcy'))?.hint).toContain('policy');
    expect(problems.find(({ message }) => message.includes('hots'))?.hint).toContain('host');
  });
});

describe('M-5 many modules', () => {
  const AT = (index: number): string => `m${String(index).padStart(4, '0')}`;
  async function make(count: number): Promise<void> {
    const runs = Array.from({ length: count }, (_, index) => AT(index));
    for (const id of runs) {
      await mkdir(join(on.repo.dir, `modules/${id}`), { recursive: true });
      await on.module(id, { compose: { services: { [id]: IDLE } }, runtime: { project: id } });
    }
    await on.repo.commit(`${count} modules`);
  }
  /** How many processes git was for one call. */
  async function gits(args: readonly string[], exit: number): Promise<number> {
    await writeFile(calls, '');
    const done = await on.repo.platformctl(args, { env: { PATH: `${tools}:${BARE.PATH}` } });
    expect(done.exit, done.stderr).toBe(exit);
    return (await readFile(calls, 'utf8')).split('\n').filter(Boolean).length;
  }

  it('1,000 validate and plan --offline in one pass, with as many processes as ten need', async () => {
    await make(10);
    const few = [await gits(['validate'], 0), await gits(['plan', '--offline'], 1)];
    expect(Math.min(...few)).toBeGreaterThan(0);
    await make(1000);
    expect([await gits(['validate'], 0), await gits(['plan', '--offline'], 1)]).toEqual(few);
    const { stdout } = await on.repo.platformctl(['plan', '--offline', '--json']);
    expect(JSON.parse(stdout).plans).toHaveLength(1000);
  });
});
