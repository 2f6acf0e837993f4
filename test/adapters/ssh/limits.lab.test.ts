/** An sshd whose administrator made its limits small. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { addressOf, bytes, failure, program, testDeps, text } from './parts.js';
import { hasSshd, keygen, type Sshd, startSshd } from './sshd.js';

describe.runIf(hasSshd)('a real sshd', () => {
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await startSshd(['MaxSessions 3', 'MaxAuthTries 3']);
  });
  afterAll(() => sshd.stop());

  test('M-10 an agent with more keys than MaxAuthTries: told at once, and the .pub in identity_file helps', async () => {
    const socket = join(sshd.folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await expect
        .poll(() => execFileSync('sh', ['-c', `test -S ${socket} && echo yes || echo no`]).toString())
        .toBe('yes\n');
      const strangers = ['a', 'b', 'c', 'd'].map((name) => join(sshd.folder, name));
      for (const path of strangers) keygen(path);
      for (const key of [...strangers, sshd.key])
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'ignore' });
      const deps = testDeps({ SSH_AUTH_SOCK: socket });
      expect(await failure(createConnect(deps)(addressOf(sshd)))).toMatchObject({
        code: 'PCTL-SSH-AUTH',
        exit: 7,
        why: expect.stringContaining('too many keys'),
        hint: expect.stringContaining('.pub'),
      });
      expect(deps.slept).toEqual([]);
      const host = await createConnect(deps)(addressOf(sshd, { identityFile: `${sshd.key}.pub` }));
      expect(host.describe().identity).toMatch(/^SSH_AUTH_SOCK /);
      await host.close();
    } finally {
      agent.kill();
    }
  });

  test('P-5 more programs at once than MaxSessions: each gets its turn', async () => {
    const host = await createConnect(testDeps({ PLATFORMCTL_IDENTITY_FILE: sshd.key }))(addressOf(sshd));
    const limit = { ms: 30_000, step: 'read' };
    const talk = await host.talk(program('cat'), limit);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, n) => host.run(program('sleep 1; echo "$2"', String(n)), bytes(''), limit)),
    );
    expect(results.map((result) => text(result.stdout))).toEqual(Array.from({ length: 10 }, (_, n) => `${n}\n`));
    expect(await talk.end(limit)).toBe(0);
    await host.close();
  });
});
