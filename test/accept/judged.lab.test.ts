/** What a change says of itself does not judge it: the policy, the host and its engine do (G-1, G-3, G-5, G-7, G-8, P-13, P-14). */
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Plan } from '../../src/manifest/types.js';
import { changeDigest, planBytes, planDigest } from '../../src/plan/artifact.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

const CONFIG = '.platform/config.yaml';
type Config = { hosts: Record<string, Record<string, unknown>>; policy?: unknown } & Record<string, unknown>;

/** Edits the config in the work tree; what it was comes back. */
async function config(edit: (config: Config) => void): Promise<string> {
  const before = await readFile(join(on.repo.dir, CONFIG), 'utf8');
  const data = parse(before) as Config;
  edit(data);
  await on.repo.write(CONFIG, stringify(data));
  return before;
}

const onlyHost = (data: Config): Record<string, unknown> => data.hosts.host1 as Record<string, unknown>;

describe('G-1 a change is judged by the policy of the protected branch', () => {
  it('a host that gets another delivery in the same commit keeps that of the policy; both changed gates are flagged', async () => {
    await config((data) => {
      onlyHost(data).delivery = 'verify';
    });
    await on.module('web', { compose: { services: { web: IDLE } } });
    await on.repo.publish('something else delivers');
    const strict = await config((data) => {
      onlyHost(data).delivery = 'push';
    });
    const signers = await readFile(join(on.repo.dir, '.platform/allowed_signers'), 'utf8');
    await on.repo.write('.platform/allowed_signers', `${signers}# another line\n`);
    await on.repo.commit('not pushed: weaker');
    const { stdout, exit } = await on.repo.platformctl(['plan', 'web', '--json']);
    expect(exit, stdout).toBe(1);
    const { plans, warnings } = JSON.parse(stdout) as { plans: Plan[]; warnings: string[] };
    expect(plans[0]?.delivery).toBe('verify');
    expect(warnings).toEqual([
      expect.stringContaining('this commit changes .platform/config.yaml: it is judged by the one at main'),
      expect.stringContaining('this commit changes .platform/allowed_signers: it is judged by the one at main'),
    ]);
    await on.repo.write(CONFIG, strict.replace(/^ *delivery: verify\n/m, ''));
    await on.repo.write('.platform/allowed_signers', signers);
    await on.repo.publish('push again');
  });
});

describe('G-5 the engine', () => {
  it('its own data root is sacred wherever it lies: no exception for a folder outside makes it mountable', async () => {
    const root = await lab.docker('info', '--format', '{{.DockerRootDir}}');
    const source = `${root}/containers`;
    const before = await config((data) => {
      data.policy = {
        compose: { allow: [{ module: 'engine', rule: 'bind_outside', value: source, reason: 'looks harmless' }] },
      };
    });
    await on.module('engine', { compose: { services: { engine: { ...IDLE, volumes: [`${source}:/x`] } } } });
    await on.repo.publish('an exception');
    const planned = await on.plan('engine');
    expect(planned.exit, planned.said).toBe(4);
    expect(planned.errors).toEqual([expect.objectContaining({ code: 'PCTL-COMPOSE-BIND-SACRED', exitCode: 4 })]);
    await on.repo.remove('modules/engine');
    await on.repo.write(CONFIG, before);
    await on.repo.publish('no exception');
  });
});

describe('M-4 paths', () => {
  it.each([
    ['a mount', { volumes: ['./link/data:/data'] }],
    ['an env file', { env_file: ['./link/app.env'] }],
  ])(
    '%s that goes through a symlink of the commit: 3 with its place, though nothing of the link is delivered',
    async (_what, more) => {
      await on.module('linked', {
        composeFile: 'linked/compose.yaml',
        compose: { services: { linked: { ...IDLE, ...more } } },
      });
      await symlink('../..', join(on.repo.dir, 'linked/link'));
      const { exit, stdout } = await on.repo.platformctl(['validate', '--json']);
      expect(exit).toBe(3);
      expect(JSON.parse(stdout).problems).toEqual([
        expect.objectContaining({ code: 'PCTL-FILE-SYMLINK', file: 'linked/compose.yaml', hint: expect.any(String) }),
      ]);
      await on.repo.publish('through a link');
      expect((await on.plan('linked')).exit).toBe(3);
      await on.repo.remove('linked');
      await on.repo.remove('modules/linked');
      await on.repo.publish('no link');
    },
  );
});

describe('P-14, G-8 who lives in whose namespaces', () => {
  it('is told by the engine where a variable hides it from the file: recreating the one is destructive', async () => {
    const compose = (mark: string) => ({
      services: {
        gate: { ...IDLE, environment: { MARK: mark } },
        guest: { ...IDLE, network_mode: '${MODE}' },
      },
    });
    const runtime = { project: `${on.repo.id}-ns`, compose_service: 'gate' };
    await on.module('gate', { composeFile: 'ns/compose.yaml', compose: compose('one'), runtime });
    await on.module('guest', {
      composeFile: 'ns/compose.yaml',
      runtime: { ...runtime, compose_service: 'guest' },
    });
    await on.repo.write('ns/.env', 'MODE=service:gate\n');
    await on.repo.git('add', '--force', 'ns/.env');
    await on.repo.publish('a gate and its guest');
    for (const id of ['gate', 'guest']) expect((await on.ship(id)).applied.get(id)?.exit).toBe(9);
    await on.module('gate', { composeFile: 'ns/compose.yaml', compose: compose('two'), runtime });
    await on.repo.publish('another gate');
    const planned = await on.plan('gate');
    expect(planned.plans.get('gate')?.destructive).toEqual(['guest lives in its namespaces and loses them']);
    expect(planned.plans.get('gate')?.also_affected).toEqual([expect.objectContaining({ service: 'guest' })]);
  });
});

describe('P-13 undeclared', () => {
  it('a container is declared by its project and service, not by a service of the same name elsewhere', async () => {
    const services = { cache: IDLE, front: IDLE };
    const project = (name: string) => `${on.repo.id}-${name}`;
    await on.module('front', {
      composeFile: 'one/compose.yaml',
      compose: { services },
      runtime: { project: project('one') },
    });
    await on.module('cache', {
      composeFile: 'two/compose.yaml',
      compose: { services },
      runtime: { project: project('two') },
    });
    await on.repo.publish('two caches, one declared');
    const label = (service: string) => [
      '--label',
      `com.docker.compose.project=${project('one')}`,
      '--label',
      `com.docker.compose.service=${service}`,
      '--label',
      'com.docker.compose.oneoff=False',
    ];
    const id = await lab.docker('run', '-d', ...label('cache'), 'lab/busybox:1', 'sleep', '1000');
    const expected = { host: 'host1', project: project('one'), service: 'cache', module: null, state: 'running' };
    for (const command of ['plan', 'status']) {
      const { stdout } = await on.repo.platformctl([command, '--json']);
      expect(JSON.parse(stdout).undeclared, command).toContainEqual(expected);
    }
    await lab.docker('rm', '-f', id);
  });

  it('status finds a service that was never applied under the name: of its compose file', async () => {
    const name = `${on.repo.id}-named`;
    await on.repo.write('named/compose.yaml', stringify({ name, services: { named: IDLE } }));
    const manifest = {
      apiVersion: 'platformctl/v1',
      kind: 'Module',
      metadata: { id: 'named' },
      spec: { host: 'host1', runtime: { compose_file: 'named/compose.yaml' } },
    };
    await on.repo.write('modules/named/module.yaml', stringify(manifest));
    await on.repo.publish('named by its file');
    const labels = ['project', 'service', 'oneoff'].flatMap((key, at) => [
      '--label',
      `com.docker.compose.${key}=${[name, 'named', 'False'][at]}`,
    ]);
    const id = await lab.docker('run', '-d', ...labels, 'lab/busybox:1', 'sleep', '1000');
    const { stdout } = await on.repo.platformctl(['status', 'named', '--json']);
    expect(JSON.parse(stdout).modules[0]).toMatchObject({ outcome: 'never_applied', condition: 'running' });
    await lab.docker('rm', '-f', id);
  });
});

describe('R-5 a status that cannot be read', () => {
  it('hides no other module, and no other status', async () => {
    const path = `${on.repo.remoteRoot()}/.platform/state/modules/front.status.json`;
    await on.onHost('host1', `printf '{"schema_version":"9.0","module":"front"}' >${path}`);
    const { exit, stdout } = await on.repo.platformctl(['status', '--json']);
    expect(exit).toBe(3);
    const rows = JSON.parse(stdout).modules as { module: string; source: string; error: { code: string } | null }[];
    expect(rows.filter(({ error }) => error !== null)).toEqual([
      expect.objectContaining({
        module: 'front',
        source: 'host',
        error: expect.objectContaining({ code: 'PCTL-STATUS-VERSION' }),
      }),
    ]);
    expect(rows.find(({ module }) => module === 'gate')).toMatchObject({ source: 'host', condition: 'running' });
    const text = await on.repo.platformctl(['status']);
    expect(text.stdout).toMatch(/front .*schema version 9\.0/);
    await on.onHost('host1', `rm ${path}`);
  });
});

describe('G-3 a plan that was forged', () => {
  it('with a file of its own, as if a variable named it, or without one that the commit gives: refused before a host is asked', async () => {
    const planned = await on.plan('front');
    const plan = planned.plans.get('front') as Plan;
    const forge = async (name: string, files: Plan['files']): Promise<string> => {
      const body = { ...plan, files };
      const changed = { ...body, change_digest: changeDigest(body) };
      const file = join(on.repo.dir, '..', `${name}.plan.json`);
      await writeFile(file, planBytes({ ...changed, digest: planDigest(changed) }));
      return file;
    };
    const extra: Plan['files'][number] = {
      path: 'one/evil.conf',
      source: 'commit',
      role: 'mount',
      blob: 'a'.repeat(40),
      sha256: 'b'.repeat(64),
      keyed: null,
      mode: '0644',
    };
    const forgeries = [
      await forge('extra', [...plan.files, extra]),
      await forge('swapped', [...plan.files.filter(({ role }) => role !== 'compose'), extra]),
    ];
    for (const file of forgeries) {
      // No key: whoever connected would end 2.
      const { exit, stdout } = await on.repo.platformctl(['apply', file, '--json'], {
        env: { PLATFORMCTL_PHASE: '05', PLATFORMCTL_IDENTITY_FILE: '' },
      });
      expect(exit, stdout).toBe(5);
      const failures = JSON.parse(stdout).results[0].gates.flatMap(
        ({ failures }: { failures: { code: string; why: string }[] }) => failures,
      );
      expect(failures).toContainEqual(
        expect.objectContaining({ code: 'PCTL-PLAN-CONTENT', why: expect.stringContaining('one/evil.conf') }),
      );
    }
  });
});
