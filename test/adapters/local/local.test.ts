import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DUPLEX_BOUNDS } from '../../../src/adapters/duplex.js';
import { createLocalHost, type LocalDeps } from '../../../src/adapters/local/local.js';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { addressOf, bytes, failure, program, testDeps, text } from '../ssh/parts.js';

const LIMIT = { ms: 60_000, step: 'observe' };
/** For what is asked of a process beside us. */
const POLL = { timeout: 20_000 };
const PATH = process.env.PATH ?? '';
const deps = (
  variables: Record<string, string> = { PATH, HOME: '/home/me', SECRET: 'x', SSH_AUTH_SOCK: '/s' },
  host?: LocalDeps['host'],
): LocalDeps & { warned: string[] } => {
  const { environment, warned, warn } = testDeps(variables);
  return { environment, warned, warn, ...(host ? { host } : {}) };
};
const local = (host?: LocalDeps['host']) => createLocalHost('here', deps(undefined, host));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('local', () => {
  test('G-6 warns root, and says who it is', () => {
    const d = deps();
    expect(createLocalHost('here', d).describe()).toEqual({
      transport: 'local',
      address: 'localhost',
      user: userInfo().username,
      identity: null,
      hostKey: null,
    });
    expect(d.warned).toHaveLength(userInfo().uid === 0 ? 1 : 0);
  });

  test('createConnect opens it', async () => {
    const host = await createConnect(testDeps({ PATH }))(
      addressOf({ port: 22, user: 'x', hostKey: '' }, { transport: 'local', name: 'here' }),
    );
    expect(host.describe().transport).toBe('local');
    await host.close();
  });

  test('a program gets its text as $1, its arguments, its input, and tells its exit', async () => {
    const words = ['', "it's", '$(id)', 'a\nb', '\\'];
    const result = await local().run(
      program('printf %s "$0"; shift; for a; do printf "|%s" "$a"; done; cat; echo oops >&2; exit 3', ...words),
      bytes('input'),
      LIMIT,
    );
    expect(text(result.stdout)).toBe(`platformctl|${words.join('|')}input`);
    expect(text(result.stderr)).toBe('oops\n');
    expect(result.code).toBe(3);
  });

  test('M-6 it gets PATH, HOME and DOCKER_CONFIG of the environment, and nothing else', async () => {
    const { environment, warn } = testDeps({
      PATH,
      HOME: '/home/me',
      DOCKER_CONFIG: '/d',
      SECRET: 'x',
      SSH_AUTH_SOCK: '/s',
    });
    const host = createLocalHost('here', { environment, warn });
    const result = await host.run(program('env | cut -d= -f1 | sort'), bytes(''), LIMIT);
    // _, PWD, OLDPWD and SHLVL are what some shells set themselves.
    const names = text(result.stdout)
      .trim()
      .split('\n')
      .filter((name) => !['_', 'PWD', 'OLDPWD', 'SHLVL'].includes(name));
    expect(names).toEqual(['DOCKER_CONFIG', 'HOME', 'PATH']);
  });

  test('a conversation gives what comes as it comes, nothing while nothing does, null at its end', async () => {
    const talk = await local().talk(program('printf one; read -r word; printf "$word"; read -r word; exit 4'), LIMIT);
    const next = async (ms = LIMIT.ms) => {
      const more = await talk.more({ ms, step: 'logs' });
      return more === null ? null : text(more);
    };
    expect(await next()).toBe('one');
    expect(await next(30)).toBe('');
    await talk.say(bytes('two\n'));
    expect(await next()).toBe('two');
    expect(await next(30)).toBe('');
    await talk.say(bytes('\n'));
    expect(await next()).toBeNull();
    expect(await talk.end(LIMIT)).toBe(4);
  });

  test('a program that does not read its input is no error', async () => {
    const result = await local().run(program('exit 0'), new Uint8Array(8 * 1024 * 1024), LIMIT);
    expect(result.code).toBe(0);
  });

  test('ended by a signal: no code', async () => {
    expect((await local().run(program('kill -KILL $$'), bytes(''), LIMIT)).code).toBeNull();
  });

  test('a conversation', async () => {
    const talk = await local().talk(
      program('echo hello; read -r a; printf "%s\\n12345" "$a"; echo note >&2; cat >/dev/null; exit 4'),
      LIMIT,
    );
    expect(await talk.line(LIMIT)).toBe('hello');
    await talk.say(bytes('word\n'));
    expect(await talk.line(LIMIT)).toBe('word');
    expect(text(await talk.bytes(5, LIMIT))).toBe('12345');
    expect(await failure(talk.line({ ms: 100, step: 'poll' }))).toMatchObject({ code: 'PCTL-HOST-SILENT', exit: 7 });
    expect(await talk.end(LIMIT)).toBe(4);
    expect(text(talk.stderr())).toBe('note\n');
  });

  test('what is said at once arrives in order', async () => {
    const talk = await local().talk(program('cat'), LIMIT);
    const lines = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(5000)}`);
    const said = Promise.all(lines.map((line) => talk.say(bytes(`${line}\n`))));
    for (const line of lines) expect(await talk.line(LIMIT)).toBe(line);
    await said;
    expect(await talk.end(LIMIT)).toBe(0);
  });

  test('X-8 at its deadline the whole group gets TERM, then KILL', async () => {
    const mark = join(folder, 'mark');
    // The child tells that it outlived TERM, so that nobody has to look at it before KILL comes.
    const child =
      'trap "" TERM; echo $$ >"$0"; until grep -q term "$0"; do sleep 0.1; done; echo still >>"$0"; sleep 300';
    const stubborn = program(
      `sh -c '${child}' "$2" & trap "echo term >>\\"$2\\"; exit" TERM; wait; while :; do sleep 0.1; done`,
      mark,
    );
    const error = await failure(local({ killAfterMs: 3000 }).run(stubborn, bytes(''), { ms: 3000, step: 'up' }));
    expect(error).toMatchObject({
      code: 'PCTL-HOST-SILENT',
      exit: 7,
      summary: 'here: up did not answer within 3 s',
    });
    await expect.poll(() => readFileSync(mark, 'utf8'), POLL).toMatch(/^\d+\nterm\nstill\n$/);
    const pid = Number.parseInt(readFileSync(mark, 'utf8'), 10);
    await expect.poll(() => alive(pid), POLL).toBe(false);
  });

  test('I-4 stdout, lines and stderr are bounded', async () => {
    const host = local({ bounds: { ...DUPLEX_BOUNDS, stdoutBytes: 100_000 }, killAfterMs: 100 });
    expect(await failure(host.run(program('yes'), bytes(''), LIMIT))).toMatchObject({
      code: 'PCTL-HOST-FLOOD',
      exit: 7,
    });
    const talk = await host.talk(program('tr "\\0" a </dev/zero'), LIMIT);
    expect(await failure(talk.line(LIMIT))).toMatchObject({ code: 'PCTL-HOST-FLOOD', exit: 7 });
    expect(await failure(talk.bytes(100_001, LIMIT))).toMatchObject({ code: 'PCTL-HOST-FLOOD' });
    expect(await failure(talk.end({ ms: 100, step: 'end' }))).toMatchObject({ code: 'PCTL-HOST-SILENT' });
    const noisy = await host.run(program('yes x | head -c 500000 >&2; echo end >&2'), bytes(''), LIMIT);
    expect(noisy.stderr.length).toBe(64 * 1024);
    expect(text(noisy.stderr).endsWith('end\n')).toBe(true);
  });

  test('the program ends: what it said is read, then PCTL-HOST-LOST', async () => {
    const talk = await local().talk(program('printf "last\\nhalf"'), LIMIT);
    expect(await talk.line(LIMIT)).toBe('last');
    expect(await failure(talk.line(LIMIT))).toMatchObject({ code: 'PCTL-HOST-LOST', exit: 7 });
    expect(await failure(talk.say(new Uint8Array(1024 * 1024)))).toMatchObject({ code: 'PCTL-HOST-LOST', exit: 7 });
  });

  test('no sh: PCTL-HOST-LOST', async () => {
    const host = createLocalHost('here', deps({ PATH: '/nonexistent' }));
    expect(await failure(host.run(program('true'), bytes(''), LIMIT))).toMatchObject({
      code: 'PCTL-HOST-LOST',
      exit: 7,
    });
  });
});

/** Whether a process is there and no zombie. */
function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
