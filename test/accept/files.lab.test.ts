/** Files on a host: what is delivered, what is never touched, what lives only there (P-12, P-15, M-8), and hosts that get their files from something else. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Planned, type Shipped, type Stage, stage } from './stage.js';

const lab = sharedLab();
const HOST = 'host1';
const ALONE = { ...IDLE, network_mode: 'none' };
const service = (id: string, members: object = {}) => ({ services: { [id]: { ...ALONE, ...members } } });

describe('P-15 files of the commit', () => {
  let on: Stage;
  let folder: string;
  let before: string;
  const mask = process.umask();
  const stat = (path: string, format = '%a %U %F'): Promise<string> =>
    on.onHost(HOST, `cd ${folder} && stat -c '${format}' ${path}`);
  beforeAll(async () => {
    on = await stage(lab);
    folder = `${on.repo.remoteRoot(HOST)}/modules/files`;
    await on.module('files', {
      compose: service('files', {
        volumes: ['./conf:/conf:ro', './run.sh:/run.sh:ro', './data:/data', './media:/media:ro'],
      }),
    });
    await on.repo.write('modules/files/conf/a.conf', 'a', 0o600);
    await on.repo.write('modules/files/conf/deep/b.conf', 'b');
    await on.repo.write('modules/files/run.sh', '#!/bin/sh\n', 0o755);
    await on.repo.publish('Files and folders');
    await on.onHost(HOST, `mkdir -p ${folder}/media && chmod 700 ${folder}/media && echo film >${folder}/media/film`);
    before = await stat('media media/film', '%i %a %Y %Z');
    process.umask(0o077);
    const { applied } = await on.ship('files');
    expect(applied.get('files')).toMatchObject({ exit: 9 });
  });
  afterAll(async () => {
    process.umask(mask);
    await on.dispose();
  });

  it("have git's modes whatever the umask, and the agent's user", async () => {
    expect(await stat('conf/a.conf conf/deep/b.conf compose.yaml run.sh')).toBe(
      `${'644 platform-host-agent regular file\n'.repeat(3)}755 platform-host-agent regular file`,
    );
    expect(await stat('. conf conf/deep')).toBe('755 platform-host-agent directory\n'.repeat(3).trimEnd());
  });

  it('a data folder is made beforehand, and one that is there is left as it is', async () => {
    expect(await stat('data')).toBe('755 platform-host-agent directory');
    expect(await stat('media media/film', '%i %a %Y %Z')).toBe(before);
  });

  it("R-1 what is ours is nobody else's to read", async () => {
    expect(
      await on.onHost(
        HOST,
        `stat -c '%a' ${on.repo.remoteRoot(HOST)}/.platform ${on.repo.remoteRoot(HOST)}/.platform/key`,
      ),
    ).toBe('700\n600');
  });

  it('what the commit dropped is removed; what platformctl did not deliver stays', async () => {
    await on.onHost(HOST, `echo mine >${folder}/conf/deep/mine.conf && echo mine >${folder}/conf/mine.conf`);
    await on.repo.remove('modules/files/conf/deep');
    await on.repo.publish('b.conf is gone');
    const { planned, applied } = await on.ship('files');
    expect(on.reasons(planned, 'files')).toEqual(['file removed: conf/deep/b.conf']);
    expect(planned.plans.get('files')?.changes.slice(1)).toEqual([
      { target: 'file.modules/files/conf/deep/b.conf', action: 'remove', reasons: ['no longer in the commit'] },
    ]);
    expect(applied.get('files')).toMatchObject({ exit: 9 });
    expect(await on.onHost(HOST, `cd ${folder} && find conf -type f | sort`)).toBe(
      'conf/a.conf\nconf/deep/mine.conf\nconf/mine.conf',
    );
    expect((await on.plan('files')).exit).toBe(0);
  });

  it('a mode that was changed on the host is put right', async () => {
    await on.onHost(HOST, `chmod 600 ${folder}/run.sh`);
    const { planned, applied } = await on.ship('files');
    expect(on.reasons(planned, 'files')).toEqual(['file on host differs: run.sh']);
    expect(applied.get('files')).toMatchObject({ exit: 9 });
    expect(await stat('run.sh', '%a')).toBe('755');
  });
});

describe('M-8, P-12, P-15 what a plan refuses', () => {
  let on: Stage;
  let planned: Planned;
  const rooted = (path: string): string => `${on.repo.remoteRoot(HOST)}/modules/${path}`;
  interface Refusal {
    readonly id: string;
    readonly what: string;
    readonly compose: object;
    readonly hostFiles?: readonly string[];
    readonly commit?: Readonly<Record<string, string>>;
    readonly host?: (folder: string) => string;
    readonly code: string;
    readonly exit: number;
    readonly says: RegExp;
  }
  const ENV = { env_file: ['app.env'] };
  const REFUSALS: readonly Refusal[] = [
    {
      id: 'mount',
      what: 'a mount source that looks like a file and is nowhere',
      compose: { volumes: ['./app.conf:/app.conf'] },
      code: 'PCTL-MOUNT-MISSING',
      exit: 7,
      says: /app\.conf is neither in the commit, nor in host_files, nor on host1/,
    },
    {
      id: 'missing',
      what: 'a host file that the host has not',
      compose: ENV,
      hostFiles: ['app.env'],
      code: 'PCTL-HOST-FILE-MISSING',
      exit: 7,
      says: /app\.env is missing on host1/,
    },
    {
      id: 'folder',
      what: 'a host file that is a folder there',
      compose: ENV,
      hostFiles: ['app.env'],
      host: (folder) => `mkdir ${folder}/app.env`,
      code: 'PCTL-HOST-FILE-MISSING',
      exit: 7,
      says: /app\.env is a folder on host1/,
    },
    {
      id: 'both',
      what: 'a host file that is in the commit as well',
      compose: ENV,
      hostFiles: ['app.env'],
      commit: { 'app.env': 'A=1\n' },
      code: 'PCTL-HOST-FILE-BOTH',
      exit: 3,
      says: /app\.env is in host_files and in the commit/,
    },
    {
      id: 'neither',
      what: 'an env file that is in neither',
      compose: ENV,
      code: 'PCTL-FILE-NOWHERE',
      exit: 3,
      says: /app\.env is neither in the commit nor in host_files/,
    },
    {
      id: 'steers-commit',
      what: 'COMPOSE_* in the .env of the commit',
      compose: {},
      commit: { '.env': 'A=1\nCOMPOSE_PROJECT_NAME=other\n' },
      code: 'PCTL-DOTENV-STEERS',
      exit: 3,
      says: /COMPOSE_PROJECT_NAME/,
    },
    {
      id: 'steers-host',
      what: 'DOCKER_* in the .env of the host',
      compose: {},
      hostFiles: ['.env'],
      host: (folder) => `echo DOCKER_HOST=tcp://other:2375 >${folder}/.env`,
      code: 'PCTL-DOTENV-STEERS',
      exit: 3,
      says: /DOCKER_HOST/,
    },
    {
      id: 'steers-colon',
      what: 'COMPOSE_* in the .env of the commit, as only compose reads it',
      compose: {},
      commit: { '.env': 'A=1\n\texport  COMPOSE_REMOVE_ORPHANS: true\n' },
      code: 'PCTL-DOTENV-STEERS',
      exit: 3,
      says: /COMPOSE_REMOVE_ORPHANS/,
    },
    {
      id: 'steers-host-quote',
      what: 'COMPOSE_* behind a quote in the .env of the host',
      compose: {},
      hostFiles: ['.env'],
      host: (folder) => `printf '%s\\n' "A='b' COMPOSE_REMOVE_ORPHANS=true" >${folder}/.env`,
      code: 'PCTL-DOTENV-STEERS',
      exit: 3,
      says: /COMPOSE_REMOVE_ORPHANS/,
    },
    {
      id: 'unreadable-host',
      what: 'a .env of the host that compose cannot read: its line, and never what stands there',
      compose: {},
      hostFiles: ['.env'],
      host: (folder) => `printf '%s\\n' 'A=1' 'B=$' 'C="s3cret-hunter2' >${folder}/.env`,
      code: 'PCTL-COMPOSE-REFUSED',
      exit: 3,
      says: /(?=.*\.env, line)(?!.*s3cret)/s,
    },
    {
      id: 'variable',
      what: 'a variable without a value or default',
      compose: { environment: { A: '${NOBODY_SET_THIS}' } },
      code: 'PCTL-VARIABLE-MISSING',
      exit: 3,
      says: /NOBODY_SET_THIS has no value and no default/,
    },
  ];
  beforeAll(async () => {
    on = await stage(lab);
    await on.repo.write('.gitignore', '.platform/state/\n');
    for (const { id, compose, hostFiles, commit, host } of REFUSALS) {
      await on.module(id, {
        compose: service(id, compose),
        ...(hostFiles ? { runtime: { host_files: hostFiles } } : {}),
      });
      for (const [path, text] of Object.entries(commit ?? {})) await on.repo.write(`modules/${id}/${path}`, text);
      if (host) await on.onHost(HOST, `mkdir -p ${rooted(id)} && ${host(rooted(id))}`);
    }
    await on.module('optional', {
      compose: service('optional', { env_file: [{ path: 'none.env', required: false }] }),
    });
    await on.repo.publish('What a plan refuses');
    planned = await on.plan();
  });
  afterAll(() => on.dispose());

  it.each(REFUSALS)('$what: $exit', ({ id, code, exit, says }) => {
    const errors = planned.errors.filter(({ module }) => module === id);
    expect(errors).toEqual([expect.objectContaining({ code, exitCode: exit, hint: expect.stringMatching(/./) })]);
    expect(`${errors[0]?.summary}: ${errors[0]?.why}`).toMatch(says);
    expect(planned.plans.has(id)).toBe(false);
  });

  it('P-9 hides no other module, and the worst exit wins; an env file that is not required may be absent', () => {
    expect(on.action(planned, 'optional')).toBe('create');
    expect(planned.exit).toBe(7);
  });

  it('nothing was written on the host outside of .platform', async () => {
    const left = await on.onHost(
      HOST,
      `cd ${on.repo.remoteRoot(HOST)} && find . -path ./.platform -prune -o -type f -print | sort`,
    );
    expect(left.split('\n')).toEqual(
      ['steers-host-quote', 'steers-host', 'unreadable-host'].map((id) => `./modules/${id}/.env`),
    );
    expect(planned.said).not.toContain('s3cret');
  });
});

describe('M-8 a password that only the host has', () => {
  const PASSWORD = 'hunter-4711-of-the-host';
  const HASHES = [PASSWORD, `PASSWORD=${PASSWORD}\n`].map((text) => createHash('sha256').update(text).digest('hex'));
  let on: Stage;
  let shipped: Shipped;
  let processes: string;
  let said: string;
  const root = (): string => on.repo.remoteRoot(HOST);
  beforeAll(async () => {
    on = await stage(lab);
    const compose = service('db', { environment: { PASSWORD: '${PASSWORD}' } });
    await on.module('db', { compose, runtime: { host_files: ['.env'] } });
    await on.module('other', { compose: service('other', { environment: { PASSWORD: '${PASSWORD:-default}' } }) });
    await on.repo.publish('A password of the host');
    for (const id of ['db', 'other'])
      await on.onHost(
        HOST,
        `mkdir -p ${root()}/modules/${id} && umask 077 && cat >${root()}/modules/${id}/.env`,
        `PASSWORD=${PASSWORD}\n`,
      );
    // The process list, as often as it can be read while plan, approve and apply go on.
    let stop = (): void => undefined;
    const seen = finish('bash', ['-c', 'trap "exit 0" TERM; while :; do ps axww -o args; sleep 0.05; done'], {
      started: (child) => {
        stop = () => void child.kill('SIGTERM');
      },
    });
    shipped = await on.ship('db', 'other');
    const text = await on.repo.platformctl(['show', 'db', '--full']);
    const status = await on.repo.platformctl(['status', '--json']);
    stop();
    processes = (await seen).stdout;
    said = [
      shipped.planned.said,
      ...[...shipped.applied.values()].map((one) => one.said),
      text.stdout,
      text.stderr,
      status.stdout,
    ].join('\n');
  });
  afterAll(() => on.dispose());

  it('reaches the container', async () => {
    expect(shipped.applied.get('db')).toMatchObject({ exit: 9 });
    expect(await on.inside('db', 'sh', '-c', 'echo "$PASSWORD"')).toBe(PASSWORD);
  });

  it('P-12 one that no module lists is not read, and the plan warns', async () => {
    expect(shipped.planned.plans.get('other')?.warnings).toEqual([
      expect.stringMatching(/\.env beside .* is not read: it is neither in the commit nor in host_files/),
    ]);
    expect(shipped.applied.get('other')).toMatchObject({ exit: 9 });
    expect(await on.inside('other', 'sh', '-c', 'echo "$PASSWORD"')).toBe('default');
  });

  it('is in the plan as a keyed digest, which is not that of its bytes', () => {
    const file = shipped.planned.plans.get('db')?.files.find(({ source }) => source === 'host');
    expect(file).toMatchObject({
      path: 'modules/db/.env',
      sha256: null,
      blob: null,
      keyed: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(HASHES).not.toContain(file?.keyed);
  });

  it('nor its sha256 is in what was said, in the checkout, in .platform of the host, or in the process list', async () => {
    const local = await Promise.all(
      (await readdir(`${on.repo.dir}/.platform`, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(`${entry.parentPath}/${entry.name}`, 'utf8')),
    );
    expect(local.length).toBeGreaterThan(3);
    expect(processes).toContain('docker compose');
    for (const needle of [PASSWORD, ...HASHES]) {
      for (const text of [said, processes, ...local]) expect(text).not.toContain(needle);
      const found = await lab.asAgent(HOST, `grep -rFl -e ${needle} ${root()}/.platform`);
      expect(found).toMatchObject({ exit: 1, stdout: '' });
    }
  });

  it('is as it was: bytes, mode, owner, inode', async () => {
    expect(await on.onHost(HOST, `stat -c '%a %U' ${root()}/modules/db/.env`)).toBe('600 platform-host-agent');
  });

  it('where the commit brings a file that was only there: the plan has no digest of what it replaces, and G-9 holds', async () => {
    const path = `${root()}/modules/brought/app.conf`;
    await on.module('brought', { compose: service('brought', { volumes: ['./app.conf:/app.conf:ro'] }) });
    await on.repo.write('modules/brought/app.conf', 'of the commit');
    await on.repo.publish('What was by hand');
    const write = (text: string): Promise<string> =>
      on.onHost(HOST, `mkdir -p $(dirname ${path}) && cat >${path}`, text);
    await write(`PASSWORD=${PASSWORD}\n`);
    const planned = await on.plan('brought');
    expect(planned.exit, planned.said).toBe(1);
    const seen = planned.plans.get('brought')?.observed?.identity.files.find((file) => file.path.endsWith('app.conf'));
    expect(seen).toMatchObject({ kind: 'file', digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    for (const hash of HASHES) expect(planned.said + JSON.stringify([...planned.plans])).not.toContain(hash);
    await on.approve('brought');
    await write('PASSWORD=another\n');
    expect(await on.apply('brought')).toMatchObject({ exit: 8, outcome: 'stale' });
    await write(`PASSWORD=${PASSWORD}\n`);
    expect(await on.apply('brought')).toMatchObject({ exit: 9 });
    expect(await on.inside('brought', 'cat', '/app.conf')).toBe('of the commit');
  });
});

describe('spec.runtime.delivery', () => {
  let on: Stage;
  const root = (): string => on.repo.remoteRoot(HOST);
  /** Brings the host's checkout to HEAD, as whatever pulls there would. */
  async function pull(): Promise<void> {
    const bundle = `${dirname(on.repo.dir)}/head.bundle`;
    await on.repo.git('bundle', 'create', '--quiet', bundle, 'HEAD');
    await on.onHost(
      HOST,
      `cd ${root()} && git init -q && cat >.git/bundle && git fetch -q .git/bundle HEAD && git checkout -q -f FETCH_HEAD`,
      await readFile(bundle),
    );
  }
  /** Everything of the checkout, with what shows whether it was touched. */
  const untouched = (): Promise<string> =>
    on.onHost(
      HOST,
      `cd ${root()} && find . -path ./.platform -prune -o -path ./.git -prune -o -type f -exec stat -c '%n %i %y %z %a' {} + | sort`,
    );
  const write = async (what: string): Promise<void> => {
    await on.module('pulled', {
      compose: service('pulled', { env_file: ['app.env'] }),
      runtime: { delivery: 'verify' },
    });
    await on.repo.write('modules/pulled/app.env', `WHAT=${what}\n`);
  };
  beforeAll(async () => {
    on = await stage(lab);
    await write('one');
    await on.module('pushed', { compose: service('pushed') });
    await on.repo.publish('One');
    await pull();
  });
  afterAll(() => on.dispose());

  it('verify, at this commit: 9, and no file of it is touched', async () => {
    const before = await untouched();
    expect(before.split('\n').length).toBeGreaterThan(4);
    const { planned, applied } = await on.ship('pulled');
    expect(planned.errors).toEqual([]);
    expect(applied.get('pulled')).toMatchObject({ exit: 9 });
    expect(await untouched()).toBe(before);
    expect((await on.plan('pulled')).exit).toBe(0);
  });

  it('verify, at another commit: 8; once it was pulled, 9, and no file of it is touched', async () => {
    await write('two');
    await on.repo.publish('Two');
    const before = await untouched();
    const { planned, applied } = await on.ship('pulled');
    expect(on.reasons(planned, 'pulled')).toEqual(['env file changed: app.env']);
    expect(applied.get('pulled')).toMatchObject({ exit: 8, outcome: 'stale' });
    expect(await untouched()).toBe(before);
    expect(await on.inside('pulled', 'sh', '-c', 'echo "$WHAT"')).toBe('one');

    await pull();
    const after = await untouched();
    expect(await on.apply('pulled')).toMatchObject({ exit: 9 });
    expect(await untouched()).toBe(after);
    expect(await on.inside('pulled', 'sh', '-c', 'echo "$WHAT"')).toBe('two');
    expect((await on.plan('pulled')).exit).toBe(0);
  });

  it('push into a git work tree: 4, with the hint verify', async () => {
    const planned = await on.plan('pushed');
    expect(planned.exit).toBe(4);
    expect(planned.errors).toEqual([
      expect.objectContaining({
        code: 'PCTL-DELIVERY-WORKTREE',
        exitCode: 4,
        hint: expect.stringContaining('delivery: verify'),
      }),
    ]);
  });
});
