/** C-8 in the shells themselves: keys are pressed on a terminal, and what the shell then runs is what counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../accept/operator.js';
import { BARE, finish, platformctl } from '../lab/process.js';

let top: string;
let repo: string;
let log: string;
/** Has a line for each time that platformctl was asked for completions and has answered. */
let answered: string;
const env = (): Record<string, string> => ({ ...BARE, PATH: `${top}/bin:${BARE.PATH}`, HOME: top, TERM: 'xterm' });

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'platformctl-shells-'));
  repo = join(top, 'repo');
  log = join(top, 'log');
  answered = join(top, 'answered');
  await mkdir(join(top, 'bin'));
  // Completions are the real one's; a call that a person would make is only noted.
  const real = commandLine();
  await writeFile(
    join(top, 'bin/platformctl'),
    [
      '#!/bin/sh',
      `case $1 in __complete) ${real} "$@"; code=$?; echo >>${answered}; exit $code ;; completion) exec ${real} "$@" ;; esac`,
      `printf '<%s>' "$@" >>${log}; printf '\\n' >>${log}`,
      '',
    ].join('\n'),
    { mode: 0o755 },
  );
  for (const [path, text] of Object.entries({
    '.platform/config.yaml': 'hosts:\n  rs2000: { transport: ssh }\n  nas: { transport: ssh }\n',
    'modules/honcho-redis/module.yaml': '',
    'modules/immich/stack.yaml': 'spec:\n  services:\n    server: {}\n    database: {}\n',
    'web.plan.json': '{}',
    'out/x/y': '',
  })) {
    await mkdir(join(repo, path, '..'), { recursive: true });
    await writeFile(join(repo, path), text);
  }
});
afterAll(() => rm(top, { recursive: true, force: true }));

const SHELLS = {
  bash: { args: ['--norc', '--noprofile', '-i'], setup: ["PS1='READY'; source <(platformctl completion bash)"] },
  zsh: {
    args: ['-f', '-i'],
    setup: ['autoload -Uz compinit && compinit -u -D', 'source <(platformctl completion zsh)', "PROMPT='READY'"],
  },
  fish: {
    args: ['--no-config', '-i'],
    setup: ['platformctl completion fish | source', 'function fish_prompt; echo READY; end'],
  },
} as const;

/** What platformctl was called with after the keys were pressed, a line a call. */
async function press(shell: keyof typeof SHELLS, lines: readonly string[]): Promise<string[]> {
  await rm(log, { force: true });
  const { args, setup } = SHELLS[shell];
  const child = spawn('script', ['--quiet', '--command', [shell, ...args].join(' '), '/dev/null'], {
    cwd: repo,
    env: env(),
    stdio: 'pipe',
  });
  let seen = '';
  child.stdout.on('data', (bytes: Buffer) => {
    seen += bytes;
  });
  try {
    for (const line of setup) child.stdin.write(`${line}\r`);
    await until(
      () => /READY/.test(seen.replaceAll(/(PS1|PROMPT)='READY'|echo READY/g, '')),
      child,
      () => seen,
    );
    const called = async (): Promise<string[]> =>
      (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    const answers = async (): Promise<number> => (await readFile(answered, 'utf8').catch(() => '')).length;
    for (const [index, line] of lines.entries()) {
      const [typed = '', rest = ''] = line.split('\t');
      child.stdin.write(typed);
      await pause(300);
      const had = await answers();
      child.stdin.write('\t');
      await until(
        async () => (await answers()) > had,
        child,
        () => seen,
      );
      // What the shell then writes is there once the terminal is quiet.
      let before = -1;
      while (seen.length !== before) {
        before = seen.length;
        await pause(1000);
      }
      child.stdin.write(`${rest}\r`);
      await until(
        async () => (await called()).length > index,
        child,
        () => seen,
      );
    }
    return await called();
  } finally {
    child.stdin.end('exit\r');
    child.kill();
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function until(holds: () => boolean | Promise<boolean>, child: ChildProcess, seen: () => string): Promise<void> {
  for (let left = 1200; !(await holds()); left--) {
    if (left === 0 || child.exitCode !== null) throw new Error(`it never came to that:\n${seen()}`);
    await pause(100);
  }
}

describe.each(['bash', 'zsh', 'fish'] as const)('C-8 %s', (shell) => {
  it('commands, flags, ids, hosts, files and folders are completed as a person presses the key', async () => {
    const keys = [
      'platformctl stat\t',
      'platformctl status honcho\t',
      'platformctl plan immich-s\t--offline',
      'platformctl plan --offl\t',
      'platformctl host check rs\t',
      'platformctl audit verify --host na\t',
      'platformctl lock list --host=na\t',
      'platformctl apply web.pl\t',
      'platformctl plan --out-dir ou\t',
    ];
    expect(await press(shell, keys)).toEqual([
      '<status>',
      '<status><honcho-redis>',
      '<plan><immich-server><--offline>',
      '<plan><--offline>',
      '<host><check><rs2000>',
      '<audit><verify><--host><nas>',
      '<lock><list><--host=nas>',
      '<apply><web.plan.json>',
      // zsh takes the slash back where a word ends.
      `<plan><--out-dir><out${shell === 'zsh' ? '' : '/'}>`,
    ]);
  });
});

describe('C-6', () => {
  it('completion and --version load no library: they work where there is none', async () => {
    const bare = join(top, 'bare');
    await mkdir(bare);
    for (const part of ['bin', 'dist']) await cp(part, join(bare, part), { recursive: true });
    await symlink(resolve('package.json'), join(bare, 'package.json'));
    const run = (...args: string[]) =>
      finish(process.execPath, [join(bare, 'bin/platformctl.js'), ...args], { cwd: repo });
    expect((await run('--version')).exit).toBe(0);
    const plans = await run('__complete', 'plan', '');
    expect(plans).toEqual({
      exit: 0,
      stderr: '',
      stdout:
        'honcho-redis\t\nimmich\ta stack of 2\nimmich-server\tof the stack immich\nimmich-database\tof the stack immich\n',
    });
    expect((await run('__complete', 'host', 'check', '')).stdout).toBe('rs2000\t\nnas\t\n');
    expect((await run('plan')).exit).not.toBe(0);
  });

  it.each(['bash', 'zsh', 'fish'])('completion %s prints a script that the shell takes', async (shell) => {
    const { exit, stdout, stderr } = await platformctl(repo, ['completion', shell]);
    expect([exit, stderr]).toEqual([0, '']);
    const path = join(top, `script.${shell}`);
    await writeFile(path, stdout);
    expect(await finish(shell, ['-n', path])).toEqual({ exit: 0, stdout: '', stderr: '' });
  });

  it('an unknown shell: 2, naming those that there are', async () => {
    const { exit, stderr } = await platformctl(repo, ['completion', 'tcsh']);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/bash, zsh, fish/);
  });
});
