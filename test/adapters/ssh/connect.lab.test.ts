import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import type { Host } from '../../../src/ports.js';
import { addressOf, bytes, failure, program, testDeps, text } from './parts.js';
import { hasSshd, keygen, type Sshd, startSshd } from './sshd.js';

const LIMIT = { ms: 60_000, step: 'test' };
/** For what is asked of a process beside us. */
const POLL = { timeout: 20_000 };

describe.runIf(hasSshd)('over a real sshd', () => {
  let sshd: Sshd;
  let host: Host;
  const fromFile = (sshd: Sshd) => testDeps({ PLATFORMCTL_IDENTITY_FILE: sshd.key });

  beforeAll(async () => {
    sshd = await startSshd();
    host = await createConnect(fromFile(sshd))(addressOf(sshd));
  });
  afterAll(async () => {
    await host.close();
    sshd.stop();
  });

  test('M-10 describe tells identity, host key, user and address', () => {
    expect(host.describe()).toEqual({
      transport: 'ssh',
      address: '127.0.0.1',
      user: sshd.user,
      identity: expect.stringMatching(/^PLATFORMCTL_IDENTITY_FILE \S+\/id ssh-ed25519 SHA256:\S{43}$/),
      hostKey: expect.stringMatching(/^ssh-ed25519 SHA256:\S{43}$/),
    });
  });

  test('a program gets its arguments and input as they are, and tells its exit', async () => {
    const args = [
      '',
      '-n',
      "it's",
      "a\\b\\'c",
      '$(id)',
      '`id`',
      'two\nlines',
      '=ls',
      '%1',
      '"',
      '\u00e9\u{1F600}',
      '*',
    ];
    const echo = program('shift; for a; do printf "%s\\0" "$a"; done; cat; echo oops >&2; exit 3', ...args);
    const result = await host.run(echo, bytes('input\n'), LIMIT);
    expect(text(result.stdout)).toBe(`${args.join('\0')}\0input\n`);
    expect(text(result.stderr)).toBe('oops\n');
    expect(result.code).toBe(3);
  });

  test('$1 is the program itself', async () => {
    const result = await host.run(program('printf %s "$0:$1"', 'x'), bytes(''), LIMIT);
    expect(text(result.stdout)).toBe('platformctl:printf %s "$0:$1"');
  });

  test('10 MiB travel both ways', async () => {
    const size = 10 * 1024 * 1024;
    const result = await host.run(program('cat'), new Uint8Array(size).fill(65), LIMIT);
    expect(result.stdout.length).toBe(size);
    expect(result.code).toBe(0);
  });

  test('a program ended by a signal has no exit code', async () => {
    expect((await host.run(program('kill -KILL $$'), bytes(''), LIMIT)).code).toBeNull();
  });

  test('X-8 a silent program ends in its limit, and its process group gets TERM', async () => {
    const mark = join(sshd.folder, 'term');
    writeFileSync(mark, '', { mode: 0o666 });
    execFileSync('chmod', ['666', mark]);
    const error = await failure(
      host.run(program('trap "echo term >\\"$2\\"; exit" TERM; while :; do sleep 0.1; done', mark), bytes(''), {
        ms: 5000,
        step: 'up',
      }),
    );
    expect(error).toMatchObject({ code: 'PCTL-HOST-SILENT', exit: 7, summary: 'box: up did not answer within 5 s' });
    await expect.poll(() => readFileSync(mark, 'utf8'), POLL).toBe('term\n');
  });

  test('a conversation: lines, bytes, end', async () => {
    const talk = await host.talk(
      program('printf "hello\\n"; read -r a; printf "%s\\n12345" "$a"; cat >/dev/null; exit 4'),
      LIMIT,
    );
    expect(await talk.line(LIMIT)).toBe('hello');
    await talk.say(bytes('word\n'));
    expect(await talk.line(LIMIT)).toBe('word');
    expect(text(await talk.bytes(5, LIMIT))).toBe('12345');
    expect((await failure(talk.line({ ms: 200, step: 'poll' }))).code).toBe('PCTL-HOST-SILENT');
    expect(await talk.end(LIMIT)).toBe(4);
  });

  test('what came after a deadline is not lost', async () => {
    const talk = await host.talk(program('read -r word; echo late; cat >/dev/null'), LIMIT);
    expect((await failure(talk.line({ ms: 100, step: 'poll' }))).code).toBe('PCTL-HOST-SILENT');
    await talk.say(bytes('now\n'));
    expect(await talk.line(LIMIT)).toBe('late');
    expect(await talk.end(LIMIT)).toBe(0);
  });

  test('a conversation whose program ends is lost, after what it said', async () => {
    const talk = await host.talk(program('echo last; exit 9'), LIMIT);
    expect(await talk.line(LIMIT)).toBe('last');
    expect((await failure(talk.line(LIMIT))).code).toBe('PCTL-HOST-LOST');
    expect(await talk.end(LIMIT)).toBe(9);
  });

  test('say respects back-pressure: the host takes 5 MB slowly and gets all of it', async () => {
    const talk = await host.talk(program('sleep 0.5; wc -c'), LIMIT);
    await talk.say(new Uint8Array(5_000_000));
    const ended = talk.end(LIMIT);
    expect(await ended).toBe(0);
  });

  test('20 programs at once fit on one connection (sshd takes 10)', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => host.run(program('sleep 0.1; echo "$2"', String(n)), bytes(''), LIMIT)),
    );
    expect(results.map((result) => text(result.stdout).trim())).toEqual(
      Array.from({ length: 20 }, (_, n) => String(n)),
    );
  });

  test('something left behind that holds the output open does not hold us', async () => {
    // Waited for to its end, it is no error; waited for to the limit, it is PCTL-HOST-SILENT.
    const error = await failure(host.run(program('sleep 90 & exit 0'), bytes(''), LIMIT));
    expect(error.code).toBe('PCTL-HOST-LOST');
  });

  test('M-10 the key itself in PLATFORMCTL_SSH_KEY, registered with the redactor', async () => {
    const deps = testDeps({ PLATFORMCTL_SSH_KEY: readFileSync(sshd.key, 'utf8').trim() });
    const other = await createConnect(deps)(addressOf(sshd));
    expect(other.describe().identity).toMatch(/^PLATFORMCTL_SSH_KEY ssh-ed25519 SHA256:/);
    expect(deps.hidden).toHaveLength(1);
    await other.close();
  });

  test('M-10 an agent, and the key in it that was used', async () => {
    const socket = join(sshd.folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await expect
        .poll(
          () => execFileSync('sh', ['-c', `test -S ${socket} && echo yes || echo no`], { encoding: 'utf8' }).trim(),
          POLL,
        )
        .toBe('yes');
      keygen(join(sshd.folder, 'other'));
      for (const key of [join(sshd.folder, 'other'), sshd.key])
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      const deps = testDeps({ SSH_AUTH_SOCK: socket });
      const other = await createConnect(deps)(addressOf(sshd, { identityFile: '~/.ssh/not-here' }));
      expect(other.describe().identity).toMatch(/^SSH_AUTH_SOCK ssh-ed25519 SHA256:/);
      await other.close();
    } finally {
      agent.kill();
    }
  });

  test('a key that is not accepted: 7, what was offered, and no second try', async () => {
    const stranger = join(sshd.folder, 'stranger');
    keygen(stranger);
    const deps = testDeps({ PLATFORMCTL_IDENTITY_FILE: stranger });
    const error = await failure(createConnect(deps)(addressOf(sshd)));
    expect(error).toMatchObject({
      code: 'PCTL-SSH-AUTH',
      exit: 7,
      summary: `box did not accept any of our keys for the user ${sshd.user}`,
    });
    expect(error.why).toMatch(/offered: PLATFORMCTL_IDENTITY_FILE/);
    expect(deps.slept).toEqual([]);
  });

  test('no key and no agent: 2', async () => {
    expect(await failure(createConnect(testDeps())(addressOf(sshd)))).toMatchObject({
      code: 'PCTL-SSH-NO-IDENTITY',
      exit: 2,
    });
  });

  test('M-10 keys that cannot be used are named', async () => {
    const locked = join(sshd.folder, 'locked');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'passphrase', '-f', locked]);
    expect(
      (await failure(createConnect(testDeps({ PLATFORMCTL_IDENTITY_FILE: locked }))(addressOf(sshd)))).why,
    ).toMatch(/it has a passphrase/);
  });

  test('G-6 user root is refused', async () => {
    expect(await failure(createConnect(fromFile(sshd))(addressOf(sshd, { user: 'root' })))).toMatchObject({
      code: 'PCTL-GATE-HOST',
      exit: 4,
    });
  });

  test('G-6 another host key, and an unknown one: 4, with the fingerprint seen', async () => {
    const other = keygen(join(sshd.folder, 'other_host'));
    const changed = await failure(createConnect(fromFile(sshd))(addressOf(sshd, { hostKey: other })));
    expect(changed).toMatchObject({ code: 'PCTL-GATE-HOST-KEY', exit: 4 });
    const print = host.describe().hostKey as string;
    expect(changed.summary).toBe(`the host key of box changed: it showed ${print}`);
    const unknown = await failure(createConnect(fromFile(sshd))(addressOf(sshd, { hostKey: null })));
    expect(unknown).toMatchObject({
      code: 'PCTL-GATE-HOST-KEY',
      exit: 4,
      summary: `the host key of box is not known: it showed ${print}`,
    });
    expect(unknown.hint).toContain(`host_key: "${sshd.hostKey}"`);
  });

  test('G-6 the pinned kind of host key is negotiated, whatever the server prefers', async () => {
    const rsa = readFileSync(join(sshd.folder, 'host_rsa.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const other = await createConnect(fromFile(sshd))(addressOf(sshd, { hostKey: rsa }));
    expect(other.describe().hostKey).toMatch(/^ssh-rsa SHA256:/);
    await other.close();
  });

  test('G-6 a hashed known_hosts', async () => {
    const file = join(sshd.folder, 'known_hosts');
    writeFileSync(file, `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/);
    const other = await createConnect(fromFile(sshd))(addressOf(sshd, { hostKey: null, knownHostsFile: file }));
    await other.close();
  });

  test('a jump host: the second key check is the second host’s, and a stranger behind it is refused', async () => {
    const bastion = await startSshd();
    try {
      execFileSync('sh', ['-c', `cat ${sshd.key}.pub >>${bastion.folder}/authorized_keys`]);
      const jump = [addressOf(bastion, { name: 'bastion' })];
      const other = await createConnect(fromFile(sshd))(addressOf(sshd, { jump }));
      expect(text((await other.run(program('echo "$SSH_CONNECTION" | wc -w'), bytes(''), LIMIT)).stdout).trim()).toBe(
        '4',
      );
      await other.close();
      expect(
        await failure(createConnect(fromFile(sshd))(addressOf(sshd, { jump, hostKey: bastion.hostKey }))),
      ).toMatchObject({ code: 'PCTL-GATE-HOST-KEY', exit: 4 });
      expect(await failure(createConnect(fromFile(sshd))(addressOf(sshd, { jump: [...jump, ...jump] })))).toMatchObject(
        { code: 'PCTL-HOST-JUMP', exit: 3 },
      );
    } finally {
      bastion.stop();
    }
  });

  test('a connection that breaks in the middle: PCTL-HOST-LOST', async () => {
    const other = await createConnect(fromFile(sshd))(addressOf(sshd));
    const talk = await other.talk(program('echo "$PPID"; cat >/dev/null'), LIMIT);
    const parent = Number(await talk.line(LIMIT));
    process.kill(parent, 'SIGKILL');
    expect((await failure(talk.line(LIMIT))).code).toBe('PCTL-HOST-LOST');
    expect((await failure(other.run(program('echo'), bytes(''), LIMIT))).code).toBe('PCTL-HOST-LOST');
    expect(await talk.end(LIMIT)).toBeNull();
    await other.close();
  });
});
