/** An sshd whose administrator made its limits small. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { addressOf, failure, testDeps } from './parts.js';
import { hasSshd, keygen, type Sshd, startSshd } from './sshd.js';

describe.runIf(hasSshd)('a real sshd', () => {
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await startSshd(['MaxAuthTries 3']);
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
});
