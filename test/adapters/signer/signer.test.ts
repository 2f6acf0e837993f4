import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSigner } from '../../../src/adapters/signer/signer.js';
import { parseSshSignature } from '../../../src/adapters/signer/sshsig.js';

const DIGEST = 'a'.repeat(64);
let dir: string;
let env: Record<string, string>;
const key = (name: string, kind = 'ed25519', passphrase = '') => {
  const file = join(dir, name);
  execFileSync('ssh-keygen', ['-q', '-t', kind, '-N', passphrase, '-C', 'a comment', '-f', file]);
  return file;
};
const publicOf = (file: string) => readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
const signer = (extra: Record<string, string> = {}) => createSigner({ env: { ...env, ...extra }, interactive: false });

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pctl-signer-'));
  mkdirSync(join(dir, 'tmp'));
  env = { PATH: process.env.PATH ?? '', HOME: dir, TMPDIR: join(dir, 'tmp') };
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('G-4: signatures', () => {
  it.each([
    ['ed25519', []],
    ['ecdsa', []],
    ['rsa', []],
  ])('signs with %s, and the check names the key', async (kind) => {
    const file = key(`k-${kind}`, kind);
    const signature = await signer().sign(file, DIGEST);
    expect(await signer().check(signature, DIGEST)).toBe(publicOf(file));
    expect(await signer().check(signature, `${DIGEST}\n`)).toBeNull();
    expect(await signer().check(signature, 'b'.repeat(64))).toBeNull();
    expect(readdirSync(join(dir, 'tmp')), 'the private folder is removed').toEqual([]);
  });

  it('the command of the spec by hand gives the same', async () => {
    const file = key('hand');
    const made = execFileSync(
      'sh',
      ['-c', 'printf %s "$1" | ssh-keygen -Y sign -n platformctl-plan -f "$2"', 'sh', DIGEST, file],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    expect(await signer().check(made, DIGEST)).toBe(publicOf(file));
  });

  it('a signature of another namespace, a damaged one, two in one, or none is null', async () => {
    const file = key('other');
    const other = execFileSync('ssh-keygen', ['-Y', 'sign', '-n', 'git', '-f', file], {
      input: DIGEST,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    expect(await signer().check(other, DIGEST)).toBeNull();
    const good = await signer().sign(file, DIGEST);
    expect(await signer().check(`${good}\n${good}`, DIGEST)).toBeNull();
    expect(await signer().check('', DIGEST)).toBeNull();
    const lines = good.split('\n');
    const damaged = [...lines.slice(0, -2), `${lines.at(-2)?.replace(/.(?==*$)/, 'A')}`, lines.at(-1)].join('\n');
    expect(await signer().check(damaged === good ? good.replace('U1N', 'U1M') : damaged, DIGEST)).toBeNull();
  });

  it('an envelope whose key was exchanged is not good for that key', async () => {
    const mine = key('mine');
    const bobs = key('bobs');
    const signature = await signer().sign(mine, DIGEST);
    const body = Buffer.from(signature.split('\n').slice(1, -1).join(''), 'base64');
    const swapped = Buffer.from(body);
    const from = Buffer.from(publicOf(mine).split(' ')[1] ?? '', 'base64');
    const to = Buffer.from(publicOf(bobs).split(' ')[1] ?? '', 'base64');
    to.copy(swapped, swapped.indexOf(from));
    const armor = `-----BEGIN SSH SIGNATURE-----\n${swapped.toString('base64')}\n-----END SSH SIGNATURE-----`;
    expect(parseSshSignature(armor)?.publicKey).toBe(publicOf(bobs));
    expect(await signer().check(armor, DIGEST)).toBeNull();
  });

  it('any bytes are a signature envelope or null, never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const blob = Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01', 'latin1'), bytes]);
        const armor = `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----`;
        const parsed = parseSshSignature(armor);
        if (parsed) expect(parsed.publicKey).toMatch(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$/);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(parseSshSignature(text)).toBeNull()));
  });
});

describe('keys', () => {
  it('C-4: a passphrase without a terminal is an error, at once, naming what to do', async () => {
    const file = key('locked', 'ed25519', 'secret passphrase');
    await expect(signer().sign(file, DIGEST)).rejects.toMatchObject({
      code: 'PCTL-SIGN-KEY',
      exit: 2,
      hint: expect.stringContaining('ssh-add'),
    });
    expect(await signer().publicKey(file)).toBe(publicOf(file));
  });

  it('what is missing or no key is said', async () => {
    await expect(signer().sign(join(dir, 'nope'), DIGEST)).rejects.toMatchObject({ code: 'PCTL-SIGN-KEY' });
    writeFileSync(join(dir, 'text'), 'hello');
    chmodSync(join(dir, 'text'), 0o600);
    await expect(signer().publicKey(join(dir, 'text'))).rejects.toMatchObject({ code: 'PCTL-SIGN-KEY' });
    await expect(signer().publicKey(join(dir, 'nope'))).rejects.toMatchObject({ code: 'PCTL-SIGN-KEY' });
    await expect(signer({ PATH: dir }).sign(key('lonely'), DIGEST)).rejects.toMatchObject({ code: 'PCTL-SIGN-TOOL' });
  });

  it('public key of a private file without its .pub', async () => {
    const file = key('bare');
    const wanted = publicOf(file);
    rmSync(`${file}.pub`);
    expect(await signer().publicKey(file)).toBe(wanted);
  });

  it('the agent: its keys, a signature by a public key alone, and by a literal one', async () => {
    const file = key('agent');
    const socket = join(dir, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await new Promise((resolve) => agent.stdout.once('data', resolve));
      expect(await signer({ SSH_AUTH_SOCK: socket }).agentKeys()).toEqual([]);
      execFileSync('ssh-add', ['-q', file], { env: { ...env, SSH_AUTH_SOCK: socket } });
      rmSync(file);
      const withAgent = signer({ SSH_AUTH_SOCK: socket });
      expect(await withAgent.agentKeys()).toEqual([publicOf(file)]);
      for (const name of [`${file}.pub`, publicOf(file), `key::${publicOf(file)}`]) {
        expect(await signer().check(await withAgent.sign(name, DIGEST), DIGEST)).toBe(publicOf(file));
      }
      await expect(signer().sign(publicOf(file), DIGEST)).rejects.toMatchObject({ code: 'PCTL-SIGN-KEY' });
    } finally {
      agent.kill();
    }
    expect(await signer({ SSH_AUTH_SOCK: join(dir, 'gone') }).agentKeys()).toEqual([]);
    expect(await signer().agentKeys()).toEqual([]);
  });
});
