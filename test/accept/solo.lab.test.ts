/** One person, one machine: from an empty repo to a service that runs (M-7, G-4 mode self), by the commands that README shows. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BARE, finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { atTerminal, commandLine } from './operator.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();

/** What one person types between an empty repo and a service that runs: five commands, one answer. HOME is where init found that one may write. */
const SOLO: readonly {
  readonly line: string;
  readonly exit: number;
  readonly answers?: readonly [RegExp, string][];
}[] = [
  { line: 'platformctl init --solo', exit: 0 },
  { line: 'git add -A && git commit -m "platformctl init"', exit: 0 },
  { line: 'mkdir -p HOME/platform-services', exit: 0 },
  { line: 'platformctl plan hello', exit: 1 },
  { line: 'PLATFORMCTL_PHASE=05 platformctl apply hello', exit: 9, answers: [[/Type yes: /, 'yes']] },
];

/** A home with a repo in it and platformctl on PATH, as a person has it after `npm i -g`. */
async function newcomer(person: { name: string; email: string }) {
  const home = await mkdtemp(join(tmpdir(), 'platformctl-newcomer-'));
  const dir = join(home, 'infra');
  const env: Record<string, string> = {
    HOME: home,
    PATH: `${home}/bin:${BARE.PATH}`,
  };
  await mkdir(join(home, 'bin'));
  // The machine of a person has compose; that of a lab may not.
  await mkdir(join(home, '.docker/cli-plugins'), { recursive: true });
  await symlink(lab.compose['2.26'], join(home, '.docker/cli-plugins/docker-compose'));
  await writeFile(join(home, 'bin/platformctl'), `#!/bin/sh\nexec ${commandLine()} "$@"\n`, { mode: 0o755 });
  const git = async (...args: string[]): Promise<string> => {
    const done = await finish('git', args, { cwd: dir, env: { ...BARE, ...env } });
    if (done.exit !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
    return done.stdout.trim();
  };
  await mkdir(dir);
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'user.name', person.name);
  await git('config', 'user.email', person.email);
  const run = (line: string, answers: readonly (readonly [RegExp, string])[] = []) =>
    atTerminal({ dir, env }, line, answers);
  return { home, dir, env, git, run };
}

describe('M-7 init --solo, and from there to an apply', () => {
  let sol: Awaited<ReturnType<typeof newcomer>>;
  beforeAll(async () => {
    sol = await newcomer({ name: 'Sol', email: 'sol@example.net' });
    // The image of the first module is in every registry; a lab has no registry.
    await lab.docker('tag', 'lab/busybox:1', 'busybox:1.37');
  });
  afterAll(async () => {
    const mine = ['-aq', '--filter', 'label=com.docker.compose.project=hello'];
    for (const id of (await lab.docker('ps', ...mine)).split('\n').filter(Boolean)) await lab.docker('rm', '-f', id);
    await lab.docker('network', 'rm', 'hello_default').catch(() => undefined);
    await lab.docker('rmi', 'busybox:1.37').catch(() => undefined);
    await rm(sol.home, { recursive: true, force: true });
  });

  it(`takes ${SOLO.length} commands, and no error that has to be understood first`, async () => {
    for (const { line, exit, answers = [] } of SOLO) {
      const command = line.replace('HOME', sol.home);
      const done = await sol.run(command, answers);
      expect([command, done.exit], done.seen).toEqual([command, exit]);
      expect(done.seen).not.toMatch(/^error: /m);
      // What a person is told to do next is what comes next.
      if (line === 'platformctl plan hello') expect(done.seen).toMatch(/^next: platformctl apply hello\b/m);
    }
    expect((await sol.run('platformctl plan hello')).exit).toBe(0);
  });

  it('what init tells to do next is exactly that', async () => {
    const fresh = await newcomer({ name: 'Sol', email: 'sol@example.net' });
    const { seen } = await fresh.run('platformctl init --solo');
    const next = seen
      .slice(seen.indexOf('next:\n') + 'next:\n'.length)
      .split('\n')
      .map((line) => line.replace(/ {2,}#.*$/, '').trim())
      .filter((line) => line !== '');
    expect(next).toEqual(SOLO.slice(1).map(({ line }) => line.replace('HOME', fresh.home)));
    await rm(fresh.home, { recursive: true, force: true });
  });

  it('G-4 status says self-approved, not approved', async () => {
    expect((await sol.run('platformctl status')).seen).toMatch(/hello +local .*self-approved/);
    const state = JSON.parse(await readFile(join(sol.dir, '.platform/state/modules/hello.status.json'), 'utf8'));
    expect(state.approved_by).toEqual([expect.stringMatching(/^self:/)]);
    expect(await readFile(join(sol.dir, '.platform/state/audit.jsonl'), 'utf8')).toContain('self');
  });

  it('init never overwrites: a second one keeps every file, byte for byte', async () => {
    await writeFile(join(sol.dir, 'modules/hello/www/index.html'), 'mine\n');
    const before = await finish('git', ['ls-files', '-s', '--', '.'], { cwd: sol.dir, env: { ...BARE, ...sol.env } });
    const again = await sol.run('platformctl init --team');
    expect(again.exit).toBe(0);
    expect(again.seen).not.toMatch(/written|extended/);
    await sol.git('add', '--all');
    const after = await finish('git', ['ls-files', '-s', '--', '.'], { cwd: sol.dir, env: { ...BARE, ...sol.env } });
    const changed = after.stdout.split('\n').filter((line) => !before.stdout.includes(line));
    expect(changed.map((line) => line.split('\t')[1])).toEqual(['modules/hello/www/index.html']);
  });
});

describe('M-7 init --team', () => {
  it('writes what validates, with a mode that asks for somebody else', async () => {
    const ann = await newcomer({ name: 'Ann', email: 'ann@example.net' });
    const made = await ann.run('platformctl init --team');
    expect([made.exit, made.seen]).toEqual([0, expect.stringContaining('approval: signature')]);
    expect((await ann.run('platformctl validate')).exit).toBe(0);
    expect(made.seen).toContain('platformctl approve hello');
    await ann.run('git add -A && git commit -m "platformctl init"');
    await mkdir(join(ann.home, 'platform-services'));
    expect((await ann.run('platformctl plan hello --offline')).exit).toBe(1);
    await rm(ann.home, { recursive: true, force: true });
  });

  it('asks on a terminal, and off one says which flag is missing: 2', async () => {
    const ann = await newcomer({ name: 'Ann', email: 'ann@example.net' });
    const off = await finish('sh', ['-c', 'platformctl init'], { cwd: ann.dir, env: { ...BARE, ...ann.env } });
    expect(off).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('hint: platformctl init --solo, or platformctl init --team'),
    });
    const asked = await ann.run('platformctl init', [[/Who decides about changes here\?/, '2']]);
    expect([asked.exit, asked.seen]).toEqual([0, expect.stringContaining('approval: signature')]);
    await rm(ann.home, { recursive: true, force: true });
  });
});

describe('G-4 mode self over ssh', () => {
  let on: Stage;
  let person: { dir: string; env: Record<string, string> };
  const PHASE = { PLATFORMCTL_PHASE: '05' };
  const YES = /Apply this plan\? Type yes: /;

  async function change(mark: string, spec: Record<string, unknown> = {}): Promise<void> {
    await on.module('web', { compose: { services: { web: { ...IDLE, environment: { MARK: mark } } } }, spec });
    await on.repo.publish(mark, { author: 'alice' });
    expect((await on.plan('web')).exit).toBe(1);
  }
  const apply = (...answers: [RegExp, string][]) => atTerminal(person, commandLine('apply', 'web'), answers);

  beforeAll(async () => {
    on = await stage(lab, { config: { approval: { mode: 'self' } } });
    person = {
      dir: on.repo.dir,
      env: { HOME: join(on.repo.dir, '../home'), PLATFORMCTL_IDENTITY_FILE: lab.client_key, ...PHASE },
    };
    await change('first');
  });
  afterAll(() => on.dispose());

  it("without a terminal it needs a signature (5), -y is no answer; the author's counts (9), as self-approved", async () => {
    for (const flags of [[], ['-y']]) {
      const refused = await on.repo.platformctl(['apply', 'web', ...flags], { env: PHASE });
      expect(refused.exit).toBe(5);
    }
    await on.approve('web');
    const { exit, stdout } = await on.repo.platformctl(['apply', 'web', '--json'], { env: PHASE });
    expect(exit).toBe(9);
    expect(JSON.parse(stdout).results[0]).toMatchObject({
      self_approved: true,
      approved_by: ['self:alice@example.net'],
    });
  });

  it('X-10 a dry run on a terminal asks nobody, and says what apply would do: 1', async () => {
    await change('looked at');
    const dry = await atTerminal(person, commandLine('apply', 'web', '--dry-run'), []);
    expect(dry.exit, dry.seen).toBe(1);
    expect(dry.seen).not.toMatch(YES);
  });

  it('on a terminal it shows the plan and asks; anything but yes is no: 5, and nothing was changed', async () => {
    await change('second');
    const before = await on.container(on.project('web'), 'web');
    const declined = await apply([YES, 'y']);
    expect(declined.exit).toBe(5);
    expect(declined.seen).toMatch(/change +update: environment\.MARK changed/);
    expect(await on.container(on.project('web'), 'web')).toBe(before);
  });

  it('-y does not answer it; yes applies it, and says self-approved', async () => {
    const applied = await atTerminal(person, commandLine('apply', 'web', '-y'), [[YES, 'yes']]);
    expect(applied.exit, applied.seen).toBe(9);
    expect(applied.seen).toMatch(/^applied +web .*self-approved/m);
    expect((await on.repo.platformctl(['status'])).stdout).toMatch(/web .*self-approved/);
    expect(await on.inside('web', 'sh', '-c', 'echo $MARK')).toBe('second');
  });

  it("G-8 a destructive one wants the module's id typed: yes is refused, the id applies it", async () => {
    await change('third', { protected: true });
    const question = /This is destructive\. Type web to apply it: /;
    const declined = await apply([question, 'yes']);
    expect([5, 6]).toContain(declined.exit);
    const applied = await apply([question, 'web']);
    expect(applied.exit, applied.seen).toBe(9);
  });
});
