/** Stacks that somebody made by hand, brought under platformctl: nothing of them is touched, and nothing of their secrets leaves the host. */
import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { LabHost } from '../lab/lab.js';
import { BARE, finish } from '../lab/process.js';
import { type ThrowawayRepo, throwawayRepo } from '../lab/repo.js';
import { sharedLab } from '../lab/shared.js';
import { pastedExceptions, removeProjects } from './operator.js';

const PASSWORD = 'correct-Horse-battery-7731';
const DIGEST = createHash('sha256').update(PASSWORD).digest('hex');
const ENV_FILE = `DB_PASSWORD=${PASSWORD}\nGREETING=hello\n`;
const ENV_DIGEST = createHash('sha256').update(ENV_FILE).digest('hex');

/** A folder that an operator made by hand, root's own in all that platformctl has no need to write. */
interface Stack {
  readonly id: string;
  readonly compose: string;
  readonly hostFiles: readonly string[];
  make(folder: string, group: number): Promise<void>;
}

const service = (more: string): string =>
  `    image: lab/busybox:1\n    init: true\n    restart: "no"\n    stop_grace_period: 1s\n${more}`;

const STACKS: readonly Stack[] = [
  {
    id: 'vault',
    compose: `services:
  vault:
${service(`    command: [sh, -c, 'echo "$\${DB_PASSWORD}" >/tmp/seen; exec sleep 100000']
    env_file: .env
    environment:
      MOTTO: \${GREETING}
`)}`,
    hostFiles: ['.env'],
    async make(folder, group) {
      await writeFile(join(folder, '.env'), ENV_FILE);
      // Readable by those who may talk to the engine, writable by root alone.
      await chown(join(folder, '.env'), 0, group);
      await chmod(join(folder, '.env'), 0o640);
    },
  },
  {
    id: 'notes',
    compose: `services:
  notes:
${service(`    command: [sleep, "100000"]
    volumes: ["./data:/data"]
`)}`,
    hostFiles: [],
    async make(folder) {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'data', 'note'), 'buy milk\n', { mode: 0o600 });
    },
  },
  {
    id: 'watcher',
    compose: `services:
  watcher:
${service(`    command: [sleep, "100000"]
    network_mode: host
    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]
`)}`,
    hostFiles: [],
    make: async () => undefined,
  },
];
const IDS = STACKS.map(({ id }) => id);

const lab = sharedLab();
let host: LabHost;
let repo: ThrowawayRepo;
let root: string;

/** Where a stack lies on the host, and its project, which compose takes from the folder's name. */
const folderOf = (id: string): string => `${repo.id}-${id}`;

async function byHand(args: readonly string[], cwd: string): Promise<string> {
  const done = await finish('docker', args, { cwd, env: { ...BARE, DOCKER_CONFIG: host.docker_config } });
  if (done.exit !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Every file and folder of the stacks: kind, mode, owner, size, mtime, bytes. */
async function files(): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const id of IDS) {
    const top = join(root, folderOf(id));
    for (const name of ['', ...(await readdir(top, { recursive: true }))]) {
      const path = join(top, name);
      const at = await lstat(path);
      const bytes = at.isFile() ? (await readFile(path)).toString('base64') : '';
      seen[`${id}/${name}`] = [at.ino, at.mode.toString(8), at.uid, at.gid, at.mtimeMs, at.ctimeMs, bytes].join(' ');
    }
  }
  return seen;
}

/** Every container of the stacks: id, start, restarts, state. */
async function containers(): Promise<string[]> {
  const ids: string[] = [];
  for (const id of IDS)
    ids.push(
      ...(
        await lab.docker('ps', '-aq', '--no-trunc', '--filter', `label=com.docker.compose.project=${folderOf(id)}`)
      ).split('\n'),
    );
  const format = '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}}';
  return (await lab.docker('inspect', '--format', format, ...ids)).split('\n').sort();
}

async function writeModules(allow: readonly unknown[] = []): Promise<void> {
  const config = parse(await readFile(join(repo.dir, '.platform/config.yaml'), 'utf8')) as Record<string, unknown>;
  await repo.write('.platform/config.yaml', stringify({ ...config, policy: { compose: { allow } } }));
  for (const { id, compose, hostFiles } of STACKS) {
    const file = `hosts/host1/${folderOf(id)}/compose.yaml`;
    await repo.write(file, compose);
    await repo.write(
      `modules/${id}/module.yaml`,
      stringify({
        apiVersion: 'platformctl/v1',
        kind: 'Module',
        metadata: { id },
        spec: {
          host: 'host1',
          runtime: { compose_file: file, host_files: hostFiles },
          smoke: { stable_seconds: 1, timeout_seconds: 20 },
        },
      }),
    );
  }
}

beforeAll(async () => {
  host = lab.host('host1');
  repo = await throwawayRepo(lab, { hosts: { host1: { repo_root: 'hosts/host1' } } });
  root = repo.remoteRoot('host1');
  const { gid } = await stat('/var/run/docker.sock');
  for (const { id, compose, make } of STACKS) {
    const folder = join(root, folderOf(id));
    await mkdir(folder);
    await writeFile(join(folder, 'compose.yaml'), compose);
    await make(folder, gid);
    await byHand(['compose', 'up', '-d'], folder);
  }
});

afterAll(async () => {
  await removeProjects(lab, repo.id);
  await repo.dispose();
});

describe('P-13 adoption of what was made by hand', () => {
  let before: { files: Record<string, string>; containers: string[] };
  /** Everything that a command said, and every command line that was seen while it ran. */
  const said: string[] = [];

  /** A command, with what /proc shows of every process meanwhile. */
  async function watched(args: string[], env: Record<string, string> = {}) {
    let running = true;
    const watch = (async () => {
      while (running) {
        for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
          // The container itself is given its password; what is ours to keep from it is every other process.
          const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
          if (line.includes(PASSWORD) || line.includes(DIGEST)) said.push(`process ${line}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const done = await repo.platformctl(args, { env });
    running = false;
    await watch;
    said.push(done.stdout, done.stderr);
    return done;
  }

  beforeAll(async () => {
    before = { files: await files(), containers: await containers() };
  });

  it('G-7 the refusal prints the exceptions, and pasted as they are they are what was missing', async () => {
    await writeModules();
    await repo.publish('What runs already');
    const refused = await watched(['plan']);
    expect(refused.exit).toBe(4);
    const allow = pastedExceptions(refused.stdout);
    expect(allow.map(({ module, rule, value }) => [module, rule, value])).toEqual([
      ['watcher', 'network_mode', 'host'],
      ['watcher', 'docker_socket', '/var/run/docker.sock'],
    ]);
    await writeModules(allow);
    await repo.publish('What the refusal asked for');
  });

  it('plan says adopt for each, and no other change', async () => {
    const planned = await watched(['plan', '--json']);
    expect(planned.exit).toBe(1);
    const { plans, errors } = JSON.parse(planned.stdout);
    expect(errors).toEqual([]);
    const changes = plans.map((plan: { module: string; changes: { target: string; action: string }[] }) => [
      plan.module,
      plan.changes.map(({ target, action }) => `${target} ${action}`),
    ]);
    expect(changes).toEqual(IDS.toSorted().map((id) => [id, [`compose.service.${id} adopt`]]));
    expect((await watched(['show', 'vault'])).stdout).toMatch(/change +adopt/);
  });

  it('apply of each exits 9', async () => {
    expect((await watched(['approve', ...IDS])).exit).toBe(0);
    for (const id of IDS) {
      const applied = await watched(['apply', id, '--json'], { PLATFORMCTL_PHASE: '05' });
      expect([id, applied.exit, JSON.parse(applied.stdout).results[0].outcome]).toEqual([id, 9, 'applied']);
    }
  });

  it('nothing was touched: every container id, start time and file is as before', async () => {
    expect(await containers()).toEqual(before.containers);
    expect(await files()).toEqual(before.files);
  });

  it('then there is nothing to do, and status knows them', async () => {
    expect((await watched(['plan'])).exit).toBe(0);
    const status = await watched(['status', '--json']);
    expect(status.exit).toBe(0);
    const rows = JSON.parse(status.stdout).modules.map((row: { module: string; outcome: string }) => [
      row.module,
      row.outcome,
    ]);
    expect(rows.toSorted()).toEqual(IDS.toSorted().map((id) => [id, 'applied']));
  });

  it('M-8, O-1 neither the password nor a digest that it could be guessed from is anywhere but where it was', async () => {
    await watched(['audit', 'verify', '--host', 'host1']);
    for (const secret of [PASSWORD, DIGEST, ENV_DIGEST]) {
      for (const text of said) expect(text).not.toContain(secret);
      // The checkout, its git objects and state, and what platformctl keeps on the host.
      for (const folder of [repo.dir, join(root, '.platform')]) {
        const found = await finish('grep', ['-rlaF', '--', secret, folder]);
        expect(found).toEqual({ exit: 1, stdout: '', stderr: '' });
      }
    }
    // What was looked for is really there to be found.
    expect((await finish('grep', ['-rlaF', '--', PASSWORD, root])).stdout).toBe(`${root}/${folderOf('vault')}/.env\n`);
  });

  it('an adopted service is changed like any other: root owned files that have to be written are told before anything happens', async () => {
    const file = `hosts/host1/${folderOf('notes')}/compose.yaml`;
    const text = STACKS.find(({ id }) => id === 'notes')?.compose as string;
    await repo.write(file, text.replace('100000', '200000'));
    await repo.publish('A change to an adopted service');
    expect((await watched(['plan', 'notes'])).exit).toBe(1);
    expect((await watched(['approve', 'notes'])).exit).toBe(0);
    const applied = await watched(['apply', 'notes'], { PLATFORMCTL_PHASE: '05' });
    expect(applied.exit, applied.stdout + applied.stderr).toBe(7);
    // The folder and the file in it at once: each change of an owner makes a plan stale.
    const folder = join(root, folderOf('notes'));
    const [, fix = ''] = /hint: as root there: (chown .+?) {3}then plan again/.exec(applied.stdout) ?? [];
    expect(fix).toBe(`chown platform-host-agent: ${folder} ${folder}/compose.yaml`);
    expect(await containers()).toEqual(before.containers);
    expect(await files()).toEqual(before.files);

    expect((await finish('sh', ['-c', fix])).exit).toBe(0);
    expect((await watched(['plan', 'notes'])).exit).toBe(1);
    expect((await watched(['approve', 'notes'])).exit).toBe(0);
    expect((await watched(['apply', 'notes'], { PLATFORMCTL_PHASE: '05' })).exit).toBe(9);
  });
});
