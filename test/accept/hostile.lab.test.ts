/** What a hostile author writes into a commit, and what a hostile container says: refused with place and hint, nothing on the host is written, nothing acts. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { DENIED, documentOf } from '../compose/denials.js';
import { CONTEXT } from '../compose/setup.js';
import { type Lab, startLab } from '../lab/lab.js';
import { finish } from '../lab/process.js';
import { IDLE, type Stage, stage } from './stage.js';

let lab: Lab;
let on: Stage;
/** Every call of docker compose on the lab's host, one a line: its plugin is a wrapper that notes them. */
let calls: string;

/** Everything beneath the host's remote_root that is not platformctl's own: kind, mode, owner, size, time, name. */
async function hostTree(): Promise<string> {
  const find = ['.', '-path', './.platform', '-prune', '-o', '-printf', '%y %m %U %s %T@ %p %l\\n'];
  const { stdout } = await finish('find', find, { cwd: on.repo.remoteRoot() });
  // Its own time changes when .platform is made.
  return stdout
    .split('\n')
    .filter((line) => !/ \. $/.test(line))
    .sort()
    .join('\n');
}
const composeCalls = (): Promise<string> => readFile(calls, 'utf8');

const manifest = (id: string, runtime: Record<string, unknown>, more: Record<string, unknown> = {}): string =>
  stringify({
    apiVersion: 'platformctl/v1',
    kind: 'Module',
    metadata: { id, ...more },
    spec: { host: 'host1', runtime, smoke: { stable_seconds: 1, timeout_seconds: 20 } },
  });

/** A repo without modules again. */
async function clean(): Promise<void> {
  await rm(join(on.repo.dir, 'modules'), { recursive: true, force: true });
  await writeFile(calls, '');
}

interface Told {
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly hint: string | null;
}

async function validate(): Promise<{ exit: number | null; problems: Told[] }> {
  const { exit, stdout } = await on.repo.platformctl(['validate', '--json']);
  return { exit, problems: JSON.parse(stdout).problems };
}

beforeAll(async () => {
  lab = await startLab();
  calls = join(lab.dir, 'compose.calls');
  const plugin = join(lab.host().docker_config, 'cli-plugins/docker-compose');
  await rename(plugin, `${plugin}.real`);
  // docker asks every plugin what it is before anything else; that is no call.
  const note = `[ "$1" = docker-cli-plugin-metadata ] || printf '%s\\n' "$*" >>${calls}`;
  await writeFile(`${plugin}.new`, `#!/bin/sh\n${note}\nexec ${lab.compose['2.26']} "$@"\n`, { mode: 0o755 });
  await rename(`${plugin}.new`, plugin);
  await writeFile(calls, '');
  await finish('chmod', ['666', calls]);
  on = await stage(lab, { config: { policy: { sacred_paths: [...CONTEXT.sacredPaths] } } });
  // The .env of a commit is what values come from here.
  await on.repo.write('.gitignore', '.platform/state/\n');
});

afterAll(async () => {
  await on?.dispose();
  await lab?.stop();
});

beforeEach(clean);

describe('M-4 paths that lead elsewhere', () => {
  it.each([
    ['/etc/passwd'],
    ['../x/compose.yaml'],
    ['modules/../../x.yaml'],
    ['~/x/compose.yaml'],
    ['modules/web//../../../x.yaml'],
    ['modules/web/\u0000compose.yaml'],
    ['.git/config'],
    ['.platform/config.yaml'],
  ])('compose_file: %j is an error with its place, of validate and of plan; the host is never asked', async (path) => {
    await on.repo.write('modules/web/module.yaml', manifest('web', { compose_file: path }));
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems).toMatchObject([{ file: 'modules/web/module.yaml', hint: expect.any(String) }]);
    expect(problems[0]?.line).toBeGreaterThan(1);
    await on.repo.publish('hostile');
    const planned = await on.plan('web');
    expect(planned.exit).toBe(3);
    expect(planned.plans.size).toBe(0);
    expect(await hostTree()).toBe('');
    expect(await composeCalls()).toBe('');
  });

  it.each([
    ['the compose file', 'modules/web/compose.yaml', '/etc/passwd'],
    ['a folder of it', 'modules/web', '../elsewhere'],
    ['a file beside it', 'modules/web/data.conf', '/etc/shadow'],
  ])('%s is a symlink in git: an error with its place', async (_name, path, to) => {
    await on.repo.write('elsewhere/module.yaml', manifest('web', { compose_file: 'elsewhere/compose.yaml' }));
    await on.repo.write('elsewhere/compose.yaml', stringify({ services: { web: IDLE } }));
    if (path !== 'modules/web') {
      await on.repo.write('modules/web/module.yaml', manifest('web', { compose_file: 'modules/web/compose.yaml' }));
      if (!path.endsWith('compose.yaml'))
        await on.repo.write(
          'modules/web/compose.yaml',
          stringify({ services: { web: { ...IDLE, volumes: ['./data.conf:/x'] } } }),
        );
    } else await mkdir(join(on.repo.dir, 'modules'), { recursive: true });
    await symlink(to, join(on.repo.dir, path));
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems).toContainEqual(expect.objectContaining({ file: path, hint: expect.any(String) }));
    await on.repo.publish('a symlink');
    const planned = await on.plan();
    expect(planned.exit).toBe(3);
    expect(await hostTree()).toBe('');
  });

  it('G-5 a folder on the host that is a symlink out of remote_root: refused, nothing is written through it', async () => {
    await on.module('web', { compose: { services: { web: IDLE } } });
    await on.repo.publish('plain');
    const outside = join(lab.host().remote_root, `${on.repo.id}-outside`);
    await on.onHost(
      'host1',
      `mkdir ${outside} && mkdir -p ${on.repo.remoteRoot()}/modules && ln -s ${outside} ${on.repo.remoteRoot()}/modules/web`,
    );
    const before = await hostTree();
    const planned = await on.plan('web');
    expect(planned.plans.size).toBe(0);
    expect(planned.errors[0]).toMatchObject({ exitCode: 4, hint: expect.any(String) });
    expect(planned.said).toContain('modules/web');
    expect(await hostTree()).toBe(before);
    expect(await on.onHost('host1', `ls -A ${outside}`)).toBe('');

    // The same when it becomes one between plan and apply.
    await on.onHost('host1', `rm ${on.repo.remoteRoot()}/modules/web`);
    expect((await on.plan('web')).exit).toBe(1);
    await on.approve('web');
    await on.onHost('host1', `ln -s ${outside} ${on.repo.remoteRoot()}/modules/web`);
    const applied = await on.apply('web');
    expect([4, 8]).toContain(applied.exit);
    expect(await on.onHost('host1', `ls -A ${outside}`)).toBe('');
    await on.onHost('host1', `rm -r ${on.repo.remoteRoot()}/modules ${outside}`);
  });

  it.each([
    '/etc/platform',
    '/usr/../etc',
    '/',
    '/home/x/.ssh',
    '/var/lib/docker/x',
    '/root/x',
    'relative',
    '/opt/./../etc',
  ])('G-5 remote_root %s: refused with its place', async (root) => {
    const path = '.platform/config.yaml';
    const before = await readFile(join(on.repo.dir, path), 'utf8');
    await on.repo.write(path, before.replace(/^( +)remote_root: .*$/m, `$1remote_root: ${root}`));
    const { exit, problems } = await validate();
    await on.repo.write(path, before);
    expect(exit).toBe(3);
    expect(problems[0]).toMatchObject({ file: path, hint: expect.any(String) });
    expect(problems[0]?.line).toBeGreaterThan(1);
  });
});

describe('X-2 names of services', () => {
  it.each([
    ['-web'],
    ['--privileged'],
    ['we b'],
    ['we"b'],
    ["we'b"],
    ['$(touch /tmp/owned)'],
    ['`id`'],
    ['web\nother'],
    ['web;id'],
    ['..'],
    [''],
  ])('%j: refused with place and hint, as compose_service and in the compose file', async (name) => {
    await on.repo.write(
      'modules/web/module.yaml',
      manifest('web', { compose_file: 'modules/web/compose.yaml', compose_service: name }),
    );
    await on.repo.write('modules/web/compose.yaml', stringify({ services: { [name]: IDLE } }));
    const { exit, problems } = await validate();
    expect(exit).toBe(3);
    expect(problems[0]).toMatchObject({ file: expect.stringMatching(/^modules\/web\//), hint: expect.any(String) });
    await on.repo.publish('a name');
    expect((await on.plan('web')).exit).toBe(3);
    expect(await hostTree()).toBe('');
    expect(await composeCalls()).toBe('');
  });
});

describe('G-7, P-7 what the policy denies', () => {
  it('as text: every row is refused at plan with its rule and place, and compose was not invoked', async () => {
    for (const [index, given] of DENIED.entries()) {
      const id = `d${index}`;
      await on.repo.write(
        `modules/${id}/module.yaml`,
        manifest(id, {
          compose_file: `app/${id}.yaml`,
          compose_service: 'app',
          project: `${on.repo.id}-${id}`,
        }),
      );
      await on.repo.write(`app/${id}.yaml`, stringify(documentOf(given)));
    }
    // The rows speak of this root; nothing gets as far as the host.
    const path = '.platform/config.yaml';
    const config = await readFile(join(on.repo.dir, path), 'utf8');
    await on.repo.write(path, config.replaceAll(on.repo.remoteRoot(), CONTEXT.remoteRoot));
    await on.repo.publish('Everything that is denied');
    const planned = await on.plan();
    await on.repo.write(path, config);
    // Rows that name a file outside of the repo are invalid besides (M-4), and 3 is worse than 4.
    expect(planned.exit).toBe(3);
    expect([...planned.plans.keys()]).toEqual([]);
    for (const [index, { name, denied }] of DENIED.entries()) {
      const code = `PCTL-COMPOSE-${denied[0].toUpperCase().replaceAll('_', '-')}`;
      const errors = planned.errors.filter(({ module }) => module === `d${index}`);
      expect([name, errors]).toEqual([
        name,
        expect.arrayContaining([
          expect.objectContaining({
            code,
            exitCode: 4,
            where: expect.objectContaining({ file: `app/d${index}.yaml`, line: expect.any(Number) }),
          }),
        ]),
      ]);
      const others = errors.filter(({ exitCode }) => exitCode !== 4).map((error) => error.code);
      expect([name, others.filter((other) => !other.startsWith('PCTL-FILE-'))]).toEqual([name, []]);
    }
    expect(await composeCalls()).toBe('');
    expect(await hostTree()).toBe('');
  });

  const THROUGH: readonly [name: string, service: object, top: object, value: string, ...codes: string[]][] = [
    ['privileged: ${V:-false}', { privileged: '${V:-false}' }, {}, 'true', 'PCTL-COMPOSE-PRIVILEGED'],
    ['${V}:/x', { volumes: ['${V}:/x'] }, {}, '/etc', 'PCTL-COMPOSE-BIND-SACRED'],
    ['${V}:/x, the engine', { volumes: ['${V}:/x'] }, {}, '/var/run/docker.sock', 'PCTL-COMPOSE-DOCKER-SOCKET'],
    [
      "a volume's device: ${V}",
      { volumes: ['data:/x'] },
      { volumes: { data: { driver_opts: { type: 'none', o: 'bind', device: '${V}' } } } },
      '/etc',
      'PCTL-COMPOSE-BIND-SACRED',
      'PCTL-COMPOSE-VOLUME-DRIVER-OPTS',
    ],
    ['network_mode: ${V}', { network_mode: '${V}' }, {}, 'host', 'PCTL-COMPOSE-NETWORK-MODE'],
    ['cap_add: [${V}]', { cap_add: ['${V}'] }, {}, 'SYS_ADMIN', 'PCTL-COMPOSE-CAP-ADD'],
  ];
  it.each([
    ['.env in the commit', false],
    ['.env that only the host has', true],
  ])(
    'P-12 through a variable whose value is in an %s: refused at plan, nothing is started or written',
    async (_where, hostFile) => {
      for (const [index, [, service, top, value]] of THROUGH.entries()) {
        const id = `v${index}`;
        const folder = `modules/${id}`;
        const runtime = {
          compose_file: `${folder}/compose.yaml`,
          project: `${on.repo.id}-${id}`,
          ...(hostFile ? { host_files: ['.env'] } : {}),
        };
        await on.repo.write(`${folder}/module.yaml`, manifest(id, runtime));
        await on.repo.write(
          `${folder}/compose.yaml`,
          stringify({ services: { [id]: { ...IDLE, ...service } }, ...top }),
        );
        if (hostFile)
          await on.onHost(
            'host1',
            `mkdir -p ${on.repo.remoteRoot()}/${folder} && printf 'V=%s\\n' ${value} >${on.repo.remoteRoot()}/${folder}/.env`,
          );
        else await on.repo.write(`${folder}/.env`, `V=${value}\n`);
      }
      await on.repo.publish('Through a variable');
      expect((await validate()).exit).toBe(0);
      const before = await hostTree();
      const planned = await on.plan();
      expect(planned.exit).toBe(4);
      expect([...planned.plans.keys()]).toEqual([]);
      expect(planned.errors.map(({ module, code, exitCode }) => [module, code, exitCode])).toEqual(
        THROUGH.flatMap(([, , , , ...codes], index) => codes.map((code) => [`v${index}`, code, 4])),
      );
      expect(await hostTree()).toBe(before);
      // compose was asked what the file means, and nothing else.
      const said = (await composeCalls()).split('\n').filter(Boolean);
      expect(said.length).toBeGreaterThan(0);
      expect(said.filter((line) => !/ config( |$)/.test(line) && !/ version( |$)/.test(line))).toEqual([]);
      expect(await lab.docker('ps', '-aq', '--filter', `name=${on.repo.id}`)).toBe('');
    },
  );
});

describe('O-5 text that acts', () => {
  const ESC = '\u001b[31mred\u001b[0m\u001b]0;title\u0007';
  const BIDI = 'safe\u202egnp.exe\u2066\u200b';
  /** A control character, or one that reorders or hides what a reviewer reads. */
  const ACTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

  it('in descriptions, image names and reasons: refused, or shown escaped, and never as it is', async () => {
    const texts: string[] = [];
    const look = async (...args: string[]): Promise<void> => {
      const { stdout, stderr } = await on.repo.platformctl(args);
      texts.push(stdout, stderr);
    };
    await on.module('web', {
      compose: {
        services: {
          web: { ...IDLE, image: `lab/busybox:1${BIDI}`, privileged: true, cap_add: [`NET_${ESC}`, `SYS_${BIDI}`] },
        },
      },
    });
    await on.repo.write(
      'modules/other/module.yaml',
      manifest(
        'other',
        { compose_file: 'modules/web/compose.yaml', compose_service: 'web', [`k${ESC}`]: 1 },
        { description: `${ESC} ${BIDI}` },
      ),
    );
    await on.repo.publish(`${BIDI} ${ESC}`);
    for (const args of [['validate'], ['plan'], ['plan', '--offline'], ['status']]) await look(...args);
    for (const text of texts) expect(text).not.toMatch(ACTS);
    expect(texts.join('')).toContain('<U+202E>');
    expect(texts.join('')).toContain('\\x1b');
  });

  it('in the reason of an exception: shown escaped to whoever approves', async () => {
    const path = '.platform/config.yaml';
    const before = await readFile(join(on.repo.dir, path), 'utf8');
    const allow = [{ module: 'web', rule: 'privileged', reason: `${ESC} ${BIDI}` }];
    await on.repo.write(path, stringify({ ...parse(before), policy: { compose: { allow } } }));
    await on.module('web', { compose: { services: { web: { ...IDLE, privileged: true } } } });
    await on.repo.publish('An exception');
    const { exit } = await on.plan('web');
    const texts: string[] = [];
    for (const args of [
      ['plan', 'web'],
      ['show', 'web'],
      ['show', 'web', '--markdown'],
      ['approve', 'web'],
    ]) {
      const { stdout, stderr } = await on.repo.platformctl(args);
      texts.push(stdout, stderr);
    }
    await on.repo.write(path, before);
    await on.repo.publish('No exception');
    expect([1, 3]).toContain(exit);
    for (const text of texts) expect(text).not.toMatch(ACTS);
    if (exit === 1) expect(texts.join('')).toContain('<U+202E>');
  });

  it('in what a container says before it fails: shown escaped', async () => {
    const says = `printf '%b\\n' 'log: \\033[31mred\\033[0m \\033]0;title\\007 \\u202e ::set-output name=x::y'; exit 3`;
    await on.module('web', { compose: { services: { web: { ...IDLE, command: ['sh', '-c', `${says}`] } } } });
    await on.repo.publish('It says something and fails');
    expect((await on.plan('web')).exit).toBe(1);
    await on.approve('web');
    const { exit, stdout, stderr } = await on.repo.platformctl(['apply', 'web'], { env: { PLATFORMCTL_PHASE: '05' } });
    expect(exit).toBe(11);
    expect(stdout).toContain('log: \\x1b[31mred');
    expect(stdout + stderr).not.toMatch(ACTS);
  });
});
