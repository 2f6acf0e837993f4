/** The journeys over real parts: a real repo, real git, ssh-keygen, and this machine as the host. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openGit } from '../../src/adapters/git/git.js';
import { workTree } from '../../src/adapters/git/listing.js';
import { tryProgram } from '../../src/adapters/programs/programs.js';
import { createSigner } from '../../src/adapters/signer/signer.js';
import { createConnect } from '../../src/adapters/ssh/connect.js';
import { checkHosts, doctor } from '../../src/flows/doctor.js';
import type { World } from '../../src/ports.js';
import { failure, testDeps } from '../adapters/ssh/parts.js';

let folder: string;
let repo: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  repo = join(folder, 'repo');
  root = join(folder, 'platform');
  mkdirSync(repo);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function world(variables: Record<string, string> = {}): World {
  const env = { PATH: process.env.PATH ?? '', HOME: folder };
  const deps = testDeps({ ...env, ...variables });
  const clock = { ...deps.clock, now: () => Date.now() };
  return {
    openGit: (dir: string) => openGit(dir, env),
    workTree: workTree(env),
    connect: createConnect({ ...deps, clock }),
    signer: createSigner({ env, interactive: false }),
    tryProgram: (command: string, args: readonly string[]) => tryProgram(env, command, args),
    environment: deps.environment,
    clock,
    directory: repo,
  } as unknown as World;
}

function write(path: string, text: string): void {
  const full = join(repo, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

function commit(): void {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.net', ...args], {
      cwd: repo,
      stdio: 'ignore',
    });
  if (!existsSync(join(repo, '.git'))) git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'x');
}

function platform(hosts: string): void {
  write(
    '.platform/config.yaml',
    `apiVersion: platformctl/v1\nkind: Platform\nremote_root: ${root}\nprotected_ref: main\nhosts:\n${hosts}approval: { mode: signature }\n`,
  );
  write(
    'modules/web/module.yaml',
    'apiVersion: platformctl/v1\nkind: Module\nmetadata: { id: web, description: a web server, owner: me }\nspec:\n  host: here\n  runtime: { orchestrator: docker-compose, compose_file: stacks/web/compose.yaml, compose_service: web }\n',
  );
  write(
    'stacks/web/compose.yaml',
    'services:\n  web:\n    image: lab/busybox:1\n    volumes: ["./site.conf:/site.conf:ro"]\n',
  );
  write('stacks/web/site.conf', 'x\n');
  commit();
}

const HERE = '  here: { transport: local }\n';
const ids = (result: { checks: readonly { id: string; ok: boolean }[] }): string[] =>
  result.checks.filter((check) => !check.ok).map((check) => check.id);

describe('C-7', () => {
  test('doctor: this machine, the config, the policy ref, then every host', async () => {
    platform(HERE);
    mkdirSync(root);
    const result = await doctor(world());
    expect(result.checks.map((check) => `${check.host ?? '-'} ${check.id}`)).toEqual([
      '- git',
      '- ssh-keygen',
      '- config',
      '- policy-ref',
      '- identity',
      '- python',
      '- uv',
      '- bwrap',
      'here connect',
      'here user',
      'here docker',
      'here compose',
      'here tools',
      'here http-client',
      'here remote-root',
      'here disk',
      'here clock',
      'here session',
      'here files:web',
    ]);
    expect(result.checks.filter((check) => check.host === null && !check.ok)).toEqual([]);
    expect(result.checks.find((check) => check.id === 'files:web')?.detail).toBe('2 of its files can be written');
    expect(readFileSync(join(repo, 'stacks/web/site.conf'), 'utf8')).toBe('x\n');
  });

  test('doctor outside of a repo: 2, and what else can be told', async () => {
    const result = await doctor(world());
    expect(ids(result)).toEqual(['git']);
    expect(result.exitCode).toBe(2);
    expect(result.checks.map((check) => check.id)).toEqual(['git', 'ssh-keygen']);
  });

  test('doctor with a config that is not valid names the place', async () => {
    platform('  here: { transport: carrier-pigeon }\n');
    const result = await doctor(world());
    const config = result.checks.find((check) => check.id === 'config');
    expect(config).toMatchObject({
      ok: false,
      fix: 'platformctl validate',
      detail: expect.stringMatching(/^\.platform\/config\.yaml:6:\d+ /),
    });
    expect(result.exitCode).toBe(3);
  });

  test('doctor without anything to connect with: 2, and the host says it too', async () => {
    platform(
      `${HERE}  far: { transport: ssh, address: 127.0.0.1, port: 1, host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJa+QsIvHBvTGKVGc6dfBF06AQtSF8nabBXdnJY9LmPq" }\n`,
    );
    mkdirSync(root);
    const result = await doctor(world());
    expect(result.checks.find((check) => check.id === 'identity')).toMatchObject({
      ok: false,
      fix: expect.stringMatching(/ssh-add/),
    });
    expect(result.checks.filter((check) => check.host === 'far')).toMatchObject([
      { id: 'connect', ok: false, detail: expect.stringMatching(/PCTL-SSH-NO-IDENTITY/) },
    ]);
    expect(result.checks.some((check) => check.host === 'here' && check.id === 'docker')).toBe(true);
  });

  test('host check: a .env that nobody listed, and a folder in the way', async () => {
    platform(HERE);
    mkdirSync(join(root, 'stacks/web/site.conf'), { recursive: true });
    writeFileSync(join(root, 'stacks/web/.env'), 'PASSWORD=hunter22\n');
    const result = await checkHosts(world(), ['here']);
    expect(ids(result).filter((id) => id.endsWith(':web'))).toEqual(['files:web', 'dotenv:web']);
    expect(result.exitCode).toBe(7);
    expect(JSON.stringify(result)).not.toContain('hunter22');
  });

  test('a module that could not be looked at is a check that fails, with the exit of what is wrong with it', async () => {
    platform(HERE);
    mkdirSync(root);
    write('stacks/web/compose.yaml', 'services:\n  web:\n    image: lab/busybox:1\n    privileged: true\n');
    commit();
    const denied = await checkHosts(world(), ['here']);
    expect(denied.checks.find(({ id }) => id === 'files:web')).toMatchObject({
      host: 'here',
      ok: false,
      detail: expect.stringMatching(/^not looked at: .*privileged/),
      fix: expect.stringMatching(/policy\.compose\.allow/),
    });
    expect(denied.exitCode).not.toBe(0);
    write('stacks/web/compose.yaml', 'services: {other: {image: "x:1"}}\n');
    commit();
    const result = await doctor(world());
    expect(result.checks.find(({ id }) => id === 'files:web')?.detail).toMatch(/^not looked at: .*no service web/);
    expect(ids(result)).toContain('files:web');
  });

  test('host check: a manifest that cannot be read is told, where it may be of a host that is asked', async () => {
    platform(`${HERE}  there: { transport: local }\n`);
    mkdirSync(root);
    write('modules/bad/module.yaml', 'kind: Module\n');
    commit();
    const result = await checkHosts(world(), ['here']);
    expect(result.checks[0]).toMatchObject({
      id: 'manifests',
      host: null,
      ok: false,
      detail: expect.stringMatching(/^modules\/bad\/module\.yaml:1:1 .*, and \d+ more/),
      fix: 'platformctl validate',
    });
    expect(result.checks.some(({ id }) => id === 'files:web')).toBe(true);
    expect([3, 7]).toContain(result.exitCode);
    rmSync(join(repo, 'modules/bad'), { recursive: true });
    write(
      'modules/web/module.yaml',
      readFileSync(join(repo, 'modules/web/module.yaml'), 'utf8').replace(
        'runtime:',
        'depends_on: [nothing]\n  runtime:',
      ),
    );
    commit();
    expect(ids(await checkHosts(world(), ['here']))).toContain('manifests');
    expect(ids(await checkHosts(world(), ['there']))).not.toContain('manifests');
  });

  test('G-6 host check of a host that is not in the config: 4', async () => {
    platform(HERE);
    expect(await failure(checkHosts(world(), ['there']))).toMatchObject({ code: 'PCTL-GATE-HOST', exit: 4 });
  });
});
