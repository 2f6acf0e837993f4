/** import: what people made by hand becomes a repo, and nothing of it is touched (issue's twelve stacks: P-13, M-9). */
import { appendFile, lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { BARE, finish } from '../lab/process.js';
import { type ThrowawayRepo, throwawayRepo } from '../lab/repo.js';
import { sharedLab } from '../lab/shared.js';
import { AWKWARD, makeByHand, PASSWORD, twelve } from './handmade.js';
import { removeProjects } from './operator.js';

const lab = sharedLab();
const host = lab.host('host1');
const PHASE = { PLATFORMCTL_PHASE: '06' };

interface Row {
  project: string;
  service: string;
  module: string | null;
  verdict: string;
  exceptions: { rule: string; value: string | null }[];
  why: string | null;
  fix: string | null;
}

let repo: ThrowawayRepo;
let root: string;
let database: string;
/** Commands that an operator types, in order. */
const typed: string[] = [];

async function type(...args: string[]) {
  typed.push(`platformctl ${args.join(' ')}`);
  return repo.platformctl(args, { env: PHASE });
}

const projects = (): string[] => twelve(database).map(({ name }) => `${repo.id}-${name}`);

/** Every file and folder beneath the root, and every container: what must be as it was. */
async function everything(): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const name of await readdir(root, { recursive: true })) {
    if (name === '.platform' || name.startsWith('.platform/')) continue;
    const at = await lstat(join(root, name));
    const bytes = at.isFile() ? (await readFile(join(root, name))).toString('base64') : '';
    seen[name] = [at.ino, at.mode, at.uid, at.gid, at.mtimeMs, at.ctimeMs, bytes].join(' ');
  }
  const rows = (
    await lab.docker('ps', '-a', '--no-trunc', '--format', '{{.ID}} {{.Label "com.docker.compose.project"}}')
  ).split('\n');
  const ids = rows.filter((row) => row.split(' ')[1]?.includes(repo.id)).map((row) => row.split(' ')[0] as string);
  const format = '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}}';
  for (const line of (await lab.docker('inspect', '--format', format, ...ids)).split('\n'))
    seen[line.split(' ')[0] as string] = line;
  return seen;
}

beforeAll(async () => {
  repo = await throwawayRepo(lab, { hosts: { host1: { repo_root: 'hosts/host1' } } });
  root = repo.remoteRoot('host1');
  database = `lab-${repo.id}/postgres:16`;
  await lab.docker('tag', 'lab/busybox:1', database);
  const { gid } = await stat('/var/run/docker.sock');
  for (const stack of twelve(database)) await makeByHand(stack, root, `${repo.id}-${stack.name}`, host, gid);
});
afterAll(async () => {
  await removeProjects(lab, repo.id);
  await removeProjects(lab, `photos-${repo.id}`);
  await lab.docker('rmi', database);
  await repo.dispose();
});

describe('twelve stacks made by hand', () => {
  let before: Record<string, string>;
  let rows: Row[];
  let allow: string[];
  const stacks = (): string[] => [...new Set(rows.map(({ project }) => project))];

  it('import writes files of the checkout alone, and its document is its schema', async () => {
    before = await everything();
    const done = await type('import', 'host1', '--json');
    expect(done.exit, done.stdout + done.stderr).toBe(0);
    const document = JSON.parse(done.stdout);
    const ajv = new Ajv2020();
    ajv.validate(JSON.parse(await readFile('schemas/import.schema.json', 'utf8')), document);
    expect(ajv.errors).toBeNull();
    // The engine is shared: other tests' containers are there too, beneath roots of their own.
    rows = document.services.filter(({ project }: Row) => project.includes(repo.id));
    allow = document.allow;
    expect(await everything()).toEqual(before);
    const verdicts = rows.map(({ project, service, verdict, why }) => [
      project.replace(repo.id, 'X'),
      service,
      verdict,
      why,
    ]);
    expect(verdicts.toSorted()).toEqual([
      ['X-blog', 'blog', 'adoptable', null],
      ['X-cache', 'cache', 'adoptable', null],
      ['X-ledger', 'api', 'adoptable', null],
      ['X-ledger', 'migrate', 'adoptable', null],
      ['X-media', 'player', 'adoptable', null],
      ['X-monitor', 'exporter', 'exception', null],
      ['X-nets', 'back', 'adoptable', null],
      ['X-nets', 'front', 'adoptable', null],
      ['X-notes', 'notes', 'adoptable', null],
      ['X-proxy', 'proxy', 'exception', null],
      ['X-tools', 'tools', 'adoptable', null],
      ['X-vault', 'vault', 'adoptable', null],
      ['X-web', 'web', 'adoptable', null],
      ['photos-X-photos', 'database', 'adoptable', null],
      ['photos-X-photos', 'redis', 'adoptable', null],
      ['photos-X-photos', 'server', 'adoptable', null],
    ]);
  });

  it('M-8 files with values stay unread; what is named, public and small comes along with its bytes and mode', async () => {
    const files = (await readdir(join(repo.dir, 'hosts/host1'), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(repo.dir, 'hosts/host1/').length));
    const expected = projects().map(
      (project) => `${project}/${project.endsWith('-notes') ? 'docker-compose.yml' : 'compose.yaml'}`,
    );
    expected.push(`${repo.id}-proxy/proxy.yml`, `${repo.id}-blog/site.conf`, `${repo.id}-tools/run.sh`);
    expect(files.toSorted()).toEqual(expected.toSorted());
    for (const file of files) {
      expect(await readFile(join(repo.dir, 'hosts/host1', file), 'utf8')).toBe(
        await readFile(join(root, file), 'utf8'),
      );
      const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
      expect(await modeOf(join(repo.dir, 'hosts/host1', file))).toBe(await modeOf(join(root, file)));
    }
    expect((await finish('grep', ['-rlaF', '--', PASSWORD, repo.dir])).exit).toBe(1);
    const spec = async (stack: string) =>
      parse(await readFile(join(repo.dir, `modules/${stack}/stack.yaml`), 'utf8')).spec;
    expect(await spec(`photos-${repo.id}-photos`)).toEqual({
      host: 'host1',
      runtime: {
        compose_file: `hosts/host1/${repo.id}-photos/compose.yaml`,
        project: `photos-${repo.id}-photos`,
        host_files: ['.env'],
      },
      services: { database: { protected: true }, redis: {}, server: {} },
    });
    expect((await spec(`${repo.id}-blog`)).runtime.host_files).toEqual(['db_password.txt']);
    expect((await spec(`${repo.id}-tools`)).runtime.host_files).toEqual(['../common.env', 'mounted.env', 'key.pem']);
    expect((await spec(`${repo.id}-ledger`)).services).toEqual({ api: {}, migrate: { smoke: { exits: 0 } } });
    const proxy = await readFile(join(repo.dir, `modules/${repo.id}-proxy/stack.yaml`), 'utf8');
    expect(proxy).toContain("# Left on the host as the service's own data:\n#   acme.json: mode 600");
    expect(proxy).toMatch(
      /^# {3}- \{ module: \S+-proxy-proxy"?, rule: docker_socket, value: \/var\/run\/docker\.sock, reason: "say why" \}$/m,
    );
  });

  it('committed with the exceptions, all plan as adopt and nothing recreates', async () => {
    const path = join(repo.dir, '.platform/config.yaml');
    const config = parse(await readFile(path, 'utf8'));
    const mine = parse(allow.join('\n')).filter(({ module }: { module: string }) => module.startsWith(repo.id));
    expect(mine.map(({ rule, value }: { rule: string; value: string }) => [rule, value])).toEqual([
      ['network_mode', 'host'],
      ['pid', 'host'],
      ['bind_sacred', '/proc'],
      ['docker_socket', '/var/run/docker.sock'],
    ]);
    await writeFile(path, stringify({ ...config, policy: { compose: { allow: mine } } }));
    // As short as V-1 allows, so that the test is: a lab's containers are well at once or never.
    for (const stack of stacks()) {
      const file = join(repo.dir, `modules/${stack}/stack.yaml`);
      const text = await readFile(file, 'utf8');
      await writeFile(
        file,
        text.replace('\n  services:\n', '\n  smoke: { stable_seconds: 1, timeout_seconds: 20 }\n  services:\n'),
      );
    }
    expect((await repo.platformctl(['validate'])).exit).toBe(0);
    await repo.publish('What runs already');
    const planned = await type('plan', '--json');
    expect(planned.exit, planned.stdout + planned.stderr).toBe(1);
    const { plans, errors, undeclared } = JSON.parse(planned.stdout);
    expect([errors, undeclared]).toEqual([[], []]);
    expect(plans).toHaveLength(16);
    for (const plan of plans) {
      const { module, changes, recreates } = plan;
      expect([module, changes.map(({ action }: { action: string }) => action), recreates]).toEqual([
        module,
        ['adopt'],
        false,
      ]);
    }
  });

  it('one signature, one apply: all recorded, every container and file as before, nothing left to do', async () => {
    expect((await type('approve', ...stacks())).exit).toBe(0);
    const applied = await type('apply', ...stacks(), '--json');
    expect(applied.exit, applied.stdout + applied.stderr).toBe(9);
    const { results } = JSON.parse(applied.stdout) as { results: { module: string; outcome: string }[] };
    expect(results.map(({ outcome }) => outcome)).toEqual(Array(16).fill('applied'));
    expect(await everything()).toEqual(before);
    const again = await type('plan');
    expect(again.exit, again.stdout).toBe(0);
    expect(typed).toHaveLength(5);
  });

  it('import once more writes nothing: all of them are in the repo', async () => {
    const done = await repo.platformctl(['import', 'host1', '--json']);
    const document = JSON.parse(done.stdout);
    expect(document.files).toEqual([]);
    const mine = document.services.filter(({ project }: Row) => project.includes(repo.id));
    expect(mine.map(({ verdict }: Row) => verdict)).toEqual(Array(16).fill('declared'));
    expect(await repo.git('status', '--porcelain')).toBe('');
  });
});

describe('what cannot be adopted as it is', () => {
  let second: ThrowawayRepo;
  let rows: Row[];
  let said: string;
  const place = (name: string): string => `${second.id}-${name}`;
  const row = (name: string, service = 'web'): Row | undefined =>
    rows.find((one) => one.project === place(name) && one.service === service);

  beforeAll(async () => {
    second = await throwawayRepo(lab, { hosts: { host1: { repo_root: 'hosts/host1' } } });
    const at = second.remoteRoot('host1');
    const { gid } = await stat('/var/run/docker.sock');
    for (const stack of AWKWARD) await makeByHand(stack, at, place(stack.name), host, gid);
    // Edited since it was brought up; behind a link; with a file in the checkout that is another one.
    const plain = {
      files: {
        'compose.yaml':
          'services:\n  web:\n    image: lab/busybox:1\n    command: [sleep, "100000"]\n    init: true\n    network_mode: bridge\n',
      },
    };
    for (const name of ['edited', 'linked', 'taken']) await makeByHand({ name, ...plain }, at, place(name), host, gid);
    await appendFile(join(at, place('edited'), 'compose.yaml'), '    environment: {NEW: x}\n');
    await rename(join(at, place('linked'), 'compose.yaml'), join(at, 'real.yaml'));
    await symlink('../real.yaml', join(at, place('linked'), 'compose.yaml'));
    await second.write(`hosts/host1/${place('taken')}/compose.yaml`, 'services: {}\n');
    await second.commit('Another one');
    const outside = await mkdtemp(join(tmpdir(), 'platformctl-outside-'));
    await makeByHand({ name: 'outside', ...plain }, outside, place('outside'), host, gid);
    await rm(outside, { recursive: true });
    rows = JSON.parse((await second.platformctl(['import', 'host1', '--json'])).stdout).services;
    await rm(join(second.dir, 'modules'), { recursive: true });
    await second.git('clean', '-qfd', 'hosts');
    const done = await second.platformctl(['import', 'host1']);
    expect(done.exit, done.stderr).toBe(0);
    said = done.stdout;
  });
  afterAll(async () => {
    await removeProjects(lab, second.id);
    await second.dispose();
  });

  it.each(AWKWARD.map((one) => [one.name, one] as const))('%s: why, and what mends it', (name, { why, fix }) => {
    expect(row(name)).toMatchObject({ verdict: 'cannot', why: expect.stringMatching(why) });
    if (fix) expect(row(name)?.fix).toMatch(fix);
    expect(said).toContain(`${place(name)}/web`);
  });

  it('edited since, behind a link, elsewhere on the host, another file in the checkout', () => {
    expect(row('edited')).toMatchObject({ verdict: 'cannot', why: expect.stringMatching(/definition differs/) });
    expect(row('linked')).toMatchObject({ verdict: 'cannot', module: null, why: expect.stringMatching(/symlink/) });
    expect(row('outside')).toMatchObject({ verdict: 'cannot', why: expect.stringMatching(/not beneath remote_root/) });
    expect(row('taken')).toMatchObject({ verdict: 'cannot', why: expect.stringMatching(/other bytes/) });
    expect(row('namespace', 'vpn')).toMatchObject({ verdict: 'adoptable' });
  });

  it('what plan could still say something of is written, the rest is not; the repo stays valid, and no file was replaced', async () => {
    const stacks = await readdir(join(second.dir, 'modules'));
    expect(stacks.toSorted()).toEqual(['edited', 'groupmode', 'namespace', 'rootenv', 'scaled'].map(place).toSorted());
    expect(await readFile(join(second.dir, `hosts/host1/${place('taken')}/compose.yaml`), 'utf8')).toBe(
      'services: {}\n',
    );
    expect((await second.platformctl(['validate'])).exit).toBe(0);
    expect(said).not.toContain(PASSWORD);
  });

  it('mended as the fix says, the next import takes it', async () => {
    const [line = ''] = (row('closed')?.fix ?? '').split('\n');
    expect((await finish('sh', ['-c', line.replace('as root there: ', '')])).exit).toBe(0);
    const { services } = JSON.parse((await second.platformctl(['import', 'host1', '--json'])).stdout);
    const closed = services.find(({ project }: Row) => project === place('closed'));
    expect(closed).toMatchObject({ verdict: 'adoptable', module: `${place('closed')}-web` });
    const containers = async () =>
      (await lab.docker('ps', '-q', '--filter', `label=com.docker.compose.project=${place('scaled')}`))
        .split('\n')
        .sort();
    const before = await containers();
    const scale = (row('scaled')?.fix ?? '').replace('in the folder of its compose file: ', '');
    const cwd = join(second.remoteRoot('host1'), place('scaled'));
    const env = { ...BARE, DOCKER_CONFIG: host.docker_config };
    expect(await finish('sh', ['-c', scale], { cwd, env })).toMatchObject({ exit: 0 });
    const after = await containers();
    expect([before.length, after.length, before.includes(after[0] as string)]).toEqual([2, 1, true]);
  });
});

describe('exits', () => {
  it.each([
    [['import'], 2, /missing required argument/],
    [['import', 'nowhere'], 4, /there is no host nowhere/],
  ])('%j: %i', async (args, exit, says) => {
    const done = await repo.platformctl(args);
    expect([done.exit, done.stderr]).toEqual([exit, expect.stringMatching(says)]);
  });

  it('a folder of the checkout that is a link out of it is not written through', async () => {
    const away = await mkdtemp(join(tmpdir(), 'platformctl-away-'));
    const third = await throwawayRepo(lab, { hosts: { host1: { repo_root: 'hosts/host1', remote_root: root } } });
    try {
      await third.write('.gitignore', 'hosts\n');
      await symlink(away, join(third.dir, 'hosts'));
      const done = await third.platformctl(['import', 'host1']);
      expect([done.exit, done.stdout + done.stderr]).toEqual([2, expect.stringMatching(/would lie outside/)]);
      expect(await readdir(away)).toEqual([]);
    } finally {
      await third.dispose();
      await rm(away, { recursive: true });
    }
  });
});
