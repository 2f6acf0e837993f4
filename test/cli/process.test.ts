/** main as a process: what only the operating system can show. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepo, testEnvironment } from '../adapters/git/repo.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `code` with `main` in scope, as bin/platformctl.js does. */
function script(name: string, code: string): string {
  const path = join(folder, `${name}.mts`);
  writeFileSync(path, `import { main } from ${JSON.stringify(join(process.cwd(), 'src/main.ts'))};\n${code}\n`);
  return path;
}

const node = (path: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', path, ...args], { encoding: 'utf8', timeout: 30_000 });

describe('an error outside of every promise chain', () => {
  it.each([
    [
      'thrown in a timer',
      "setTimeout(() => { throw new TypeError('token=abcdef99') }, 1); process.exitCode = await main(['help', 'environment']); await new Promise((r) => setTimeout(r, 5000));",
    ],
    [
      'a rejection that nobody handles',
      "Promise.reject(new TypeError('token=abcdef99')); process.exitCode = await main(['help', 'environment']); await new Promise((r) => setTimeout(r, 5000));",
    ],
  ])('%s: 2, and nothing of its message', (name, code) => {
    const run = node(script(name.replaceAll(' ', '-'), code));
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('PCTL-INTERNAL');
    expect(run.stderr).not.toContain('abcdef99');
  });

  it('C-2 a command whose wait can no longer end says so, and ends 2', () => {
    const path = script(
      'stuck',
      "import fs from 'node:fs/promises'; import { syncBuiltinESMExports } from 'node:module'; fs.open = () => new Promise(() => {}); syncBuiltinESMExports(); process.exitCode = await main(['validate', '--env-file', 'never', ...process.argv.slice(2)]);",
    );
    const told = node(path);
    expect(told.status).toBe(2);
    expect(told.stderr).toMatch(/^error: .*PCTL-INTERNAL\n/);
    const json = node(path, '--json');
    expect(json.status).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ exitCode: 2, error: { code: 'PCTL-INTERNAL' } });
  });

  it("what never settles ends 2, not with Node's 13, which means action_failed", () => {
    const run = node(script('never', "await main(['--version']); await new Promise(() => {});"));
    expect(run.status).toBe(2);
  });
});

it('a reader that went away is no failure', () => {
  const path = script(
    'pipe',
    "process.exitCode = await main(['help', 'exit-codes']); for (let i = 0; i < 2000; i++) process.stdout.write('x'.repeat(1000)); process.exitCode = 0;",
  );
  const run = spawnSync(
    'sh',
    ['-c', `{ "$0" --import tsx "$1"; echo "rc=$?" >&2; } | head -c 10`, process.execPath, path],
    { encoding: 'utf8', timeout: 30_000 },
  );
  expect(run.stderr).toBe('rc=0\n');
});

/** Signals a command that waits for a git which never answers, once it waits. */
async function interrupted(signal: 'SIGINT' | 'SIGTERM', ...args: string[]) {
  const path = script('wait', 'process.exitCode = await main(process.argv.slice(2));');
  const waits = join(folder, 'waits');
  rmSync(waits, { force: true });
  writeFileSync(join(folder, 'git'), `#!/bin/sh\n: >${waits}\nexec sleep 20\n`, { mode: 0o755 });
  const child = spawn(process.execPath, ['--import', 'tsx', path, '-C', folder, ...args], {
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (bytes) => {
    said.out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    said.err += bytes;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  while (!existsSync(waits)) await new Promise((resolve) => setTimeout(resolve, 20));
  const since = performance.now();
  child.kill(signal);
  return { exit: await ended, seconds: (performance.now() - since) / 1000, ...said };
}

describe('X-9 Ctrl-C or TERM ends what changes nothing, at once, with 130', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s', async (signal) => {
    const { exit, out, err } = await interrupted(signal, 'doctor');
    expect([exit, out, err]).toEqual([130, '', 'interrupted\n']);
  });

  it('C-1, C-2 with --json it is a document on stdout, with --json-lines one line', async () => {
    const whole = await interrupted('SIGTERM', 'doctor', '--json');
    expect([whole.exit, whole.err]).toEqual([130, '']);
    expect(JSON.parse(whole.out)).toMatchObject({
      schema_version: '1.0',
      exitCode: 130,
      error: { code: 'PCTL-INTERRUPTED', summary: 'interrupted' },
    });
    const line = await interrupted('SIGINT', 'plan', '--json-lines');
    expect(line.exit).toBe(130);
    expect(line.out.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(line.out)).toMatchObject({ error: { code: 'PCTL-INTERRUPTED' } });
  });

  it.each(['apply', 'rollback'])(
    '%s that still asks git or is being planned has nothing to see through',
    async (command) => {
      const { exit, err, seconds } = await interrupted('SIGINT', command, 'web');
      expect([exit, err]).toEqual([130, 'interrupted before anything was changed\n']);
      expect(seconds).toBeLessThan(5);
    },
  );
});

it("X-9 the terminal's Ctrl-C while a remote is asked ends a rollback with 130, and at once", async () => {
  const repo = makeRepo();
  repo.commit('one');
  repo.write('ssh', '#!/bin/sh\ntouch "$0.asked"\nexec sleep 60\n');
  repo.git('config', 'core.sshCommand', `sh ${join(repo.dir, 'ssh')}`);
  repo.git('remote', 'add', 'origin', 'ssh://host/x');
  // Imported before: tsx's own helper hears the signal too, and compiles nothing after it.
  const errors = JSON.stringify(join(process.cwd(), 'src/views/errors.ts'));
  const path = script(
    'rollback',
    `await import(${errors}); process.exitCode = await main(['-C', process.argv[2], 'rollback', 'web']);`,
  );
  // The leader of a group, as a shell makes it for each command.
  const child = spawn(process.execPath, ['--import', 'tsx', path, repo.dir], {
    env: testEnvironment(repo.dir),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  while (!existsSync(join(repo.dir, 'ssh.asked')) && child.exitCode === null)
    await new Promise((r) => setTimeout(r, 20));
  process.kill(-(child.pid as number), 'SIGINT');
  const since = Date.now();
  expect(await ended, said).toBe(130);
  expect(said).toBe('interrupted before anything was changed\n');
  expect(Date.now() - since).toBeLessThan(5_000);
  repo.remove();
});
