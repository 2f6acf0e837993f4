/** check.sh in the shells that hosts have, against real folders. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAnswer } from '../../src/flows/doctor-answer.js';
import { checkProgram } from '../../src/host/programs.js';

const NOBODY = 65534;
const shells = [['dash'], ['busybox', 'sh'], ['bash']].filter(
  ([program, ...rest]) => spawnSync(program as string, [...rest, '-c', 'true']).status === 0,
);

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'check-'));
  chmodSync(folder, 0o755);
  root = join(folder, 'platform');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function ask(shell: readonly string[], input: string, options: { user?: number; path?: string; root?: string } = {}) {
  const [program, ...rest] = shell as [string, ...string[]];
  const { stdout } = spawnSync(
    program,
    [...rest, '-c', 'eval "$1"', 'platformctl', checkProgram, options.root ?? root],
    {
      input,
      encoding: 'utf8',
      env: { PATH: options.path ?? (process.env.PATH as string), HOME: '/' },
      ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    },
  );
  return parseAnswer(stdout, 'box');
}

test('shellcheck has nothing to say', () => {
  const found = spawnSync('shellcheck', ['-s', 'sh', 'src/host/check.sh'], { encoding: 'utf8' });
  if (found.error) return;
  expect(found.stdout).toBe('');
});

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('check.sh in %s', (_, shell) => {
  test('answers, and leaves nothing behind', () => {
    const before = Math.floor(Date.now() / 1000);
    const answer = ask(shell, 'file web/compose.yaml\nhostfile web/secret\ndotenv web/.env\n');
    expect(answer).toMatchObject({
      user: userInfo().username,
      uid: userInfo().uid,
      root: { state: 'ok' },
      worktree: false,
    });
    expect(answer.now).toBeGreaterThanOrEqual(before);
    expect(answer.now).toBeLessThanOrEqual(Date.now() / 1000);
    expect(answer.diskKib).toBeGreaterThan(0);
    for (const tool of ['flock', 'setsid', 'timeout', 'sha256sum', 'readlink', 'stat', 'truncate', 'dd'])
      expect([tool, answer.tools.get(tool)]).toEqual([tool, true]);
    expect([...[...answer.files.values()].flat(), ...answer.hostFiles.values(), ...answer.dotenvs.values()]).toEqual([
      { state: 'ok', path: null },
      'absent',
      false,
    ]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('files that are there: replaceable, host files, .env, a folder in the way', () => {
    mkdirSync(join(root, 'a b/sub'), { recursive: true });
    for (const name of ['compose.yaml', '.env', '$(touch x)']) writeFileSync(join(root, 'a b', name), 'x');
    const answer = ask(
      shell,
      'file a b/compose.yaml\nfile a b/sub\nhostfile a b/.env\nhostfile a b/sub\ndotenv a b/.env\nfile a b/$(touch x)\n',
    );
    expect([...answer.files]).toEqual([
      [1, [{ state: 'ok', path: null }]],
      [2, [{ state: 'is-folder', path: `${root}/a b/sub` }]],
      [6, [{ state: 'ok', path: null }]],
    ]);
    expect([...answer.hostFiles]).toEqual([
      [3, 'ok'],
      [4, 'is-folder'],
    ]);
    expect([...answer.dotenvs]).toEqual([[5, true]]);
    expect(readdirSync(join(root, 'a b')).sort()).toEqual(['$(touch x)', '.env', 'compose.yaml', 'sub']);
  });

  test('a root that is not there yet, a work tree, a .platform that is a link', () => {
    expect(ask(shell, '', { root: join(root, 'not/yet') }).root).toEqual({ state: 'absent', path: null });
    expect(existsSync(join(root, 'not'))).toBe(false);
    mkdirSync(join(root, '.git'));
    expect(ask(shell, '').worktree).toBe(true);
    symlinkSync('/tmp', join(root, '.platform'));
    expect(ask(shell, '').root.state).toBe('symlink');
  });

  test('without docker, flock, timeout: says so and goes on', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const tool of ['id', 'date', 'mkdir', 'rmdir', 'rm', 'ln', 'stat', 'sync', 'df', 'env', 'sh', 'touch'])
      symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(bin, tool));
    const answer = spawnSync(
      execFileSync('sh', ['-c', `command -v ${shell[0]}`], { encoding: 'utf8' }).trim(),
      [...shell.slice(1), '-c', 'eval "$1"', 'platformctl', checkProgram, root],
      { input: '', encoding: 'utf8', env: { PATH: bin, HOME: '/' } },
    );
    const read = parseAnswer(answer.stdout, 'box');
    expect(read.docker).toEqual({ state: 'missing', version: null });
    expect(read.compose).toBeNull();
    expect(read.root.state).toBe('ok');
    // busybox has applets of its own for these.
    if (shell[0] !== 'busybox')
      expect([read.tools.get('flock'), read.tools.get('timeout'), read.http]).toEqual([false, false, 'none']);
  });

  test('an engine that is silent or denies', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const docker = (script: string) => {
      writeFileSync(join(bin, 'docker'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      return ask(shell, '', { path: `${bin}:${process.env.PATH}` }).docker.state;
    };
    expect(docker('echo "permission denied while trying to connect" >&2; exit 1')).toBe('denied');
    expect(docker('echo "Cannot connect to the Docker daemon" >&2; exit 1')).toBe('failed');
  });

  test.runIf(userInfo().uid === 0)('C-7 what the agent may not write is named', () => {
    writeFileSync(join(root, 'theirs'), 'x', { mode: 0o600 });
    mkdirSync(join(root, 'mine'));
    writeFileSync(join(root, 'mine/theirs'), 'x', { mode: 0o600 });
    mkdirSync(join(root, '.platform'));
    for (const path of ['mine', '.platform']) chownSync(join(root, path), NOBODY, NOBODY);
    const answer = ask(shell, 'file theirs\nfile new/file\nfile mine/new\nfile mine/theirs\nhostfile theirs\n', {
      user: NOBODY,
    });
    const strict = execFileSync('cat', ['/proc/sys/fs/protected_hardlinks'], { encoding: 'utf8' }).trim() === '1';
    const owned = (path: string) => (strict ? [{ state: 'owner', path: `${root}/${path}` }] : []);
    const ok = { state: 'ok', path: null };
    expect([...answer.files.values()]).toEqual([
      [{ state: 'folder', path: root }, ...owned('theirs')],
      [{ state: 'folder', path: root }],
      [ok],
      strict ? owned('mine/theirs') : [ok],
    ]);
    expect(answer.hostFiles.get(5)).toBe('unreadable');
    rmSync(join(root, '.platform'), { recursive: true });
    expect(ask(shell, '', { user: NOBODY }).root).toEqual({ state: 'unwritable', path: root });
    expect(ask(shell, '', { user: NOBODY, root: join(root, 'not/yet') }).root).toEqual({
      state: 'impossible',
      path: root,
    });
  });
});
