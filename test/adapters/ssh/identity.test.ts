import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agentKeys } from '../../../src/adapters/ssh/agent.js';
import { gatherIdentities } from '../../../src/adapters/ssh/identity.js';
import { readKeyText } from '../../../src/adapters/ssh/private-key.js';
import { addressOf, failure, testDeps } from './parts.js';

let folder: string;
const at = (name: string): string => join(folder, name);
const make = (name: string, ...options: string[]): string => {
  execFileSync('ssh-keygen', ['-q', '-f', at(name), ...options]);
  return readFileSync(at(name), 'utf8');
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'identity-'));
  make('plain', '-t', 'ed25519', '-N', '');
  make('other', '-t', 'ecdsa', '-N', '');
  make('locked', '-t', 'ed25519', '-N', 'passphrase');
  make('pem', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '');
  make('pemlocked', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'passphrase');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** An agent that holds the given public key blobs. */
async function withAgent<T>(blobs: readonly Buffer[], work: (socket: string) => Promise<T>): Promise<T> {
  const string = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.from([12, 0, 0, 0, blobs.length]);
  const answer = string(
    Buffer.concat([count, ...blobs.flatMap((blob) => [string(blob), string(Buffer.from('a comment'))])]),
  );
  const server = createServer((socket) => socket.on('data', () => socket.write(answer)));
  const path = at(`agent-${Math.random()}`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await work(path);
  } finally {
    server.close();
  }
}

const blob = (kind: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, kind.length]), Buffer.from(kind), Buffer.from([0, 0, 0, 1, 65])]);
const address = (identityFile: string | null = null) =>
  addressOf({ port: 22, user: 'agent', hostKey: '' }, { identityFile });
const labels = async (variables: Record<string, string>, identityFile: string | null = null) =>
  (await gatherIdentities(address(identityFile), testDeps(variables))).offers.map((offer) =>
    offer.label.replaceAll(folder, '').replace(/SHA256:\S+/, 'SHA256'),
  );

describe('M-10', () => {
  test('the order: key, file, agent, identity_file, SSH_AUTH_SOCK', async () => {
    await withAgent([blob('ssh-ed25519')], (one) =>
      withAgent([blob('ssh-rsa')], async (two) => {
        const variables = {
          PLATFORMCTL_SSH_KEY: readFileSync(at('plain'), 'utf8'),
          PLATFORMCTL_IDENTITY_FILE: at('other'),
          PLATFORMCTL_IDENTITY_AGENT: one,
          SSH_AUTH_SOCK: two,
        };
        expect(await labels(variables, at('pem'))).toEqual([
          'PLATFORMCTL_SSH_KEY ssh-ed25519 SHA256',
          'PLATFORMCTL_IDENTITY_FILE /other ecdsa-sha2-nistp256 SHA256',
          'PLATFORMCTL_IDENTITY_AGENT',
          'identity_file /pem ssh-rsa',
          'SSH_AUTH_SOCK',
        ]);
      }),
    );
  });

  test('the key is kept as a Secret, registered with the redactor', async () => {
    const deps = testDeps({ PLATFORMCTL_SSH_KEY: readFileSync(at('plain'), 'utf8') });
    const { offers } = await gatherIdentities(address(), deps);
    expect(JSON.stringify(offers)).not.toContain('PRIVATE KEY');
    expect(deps.hidden.map((secret) => secret.reveal())).toEqual([readFileSync(at('plain'), 'utf8')]);
  });

  test.each([
    ['locked', /it has a passphrase, so an agent must hold its private half/],
    ['pemlocked', /it has a passphrase/],
    ['plain.pub', /this is a public key/],
  ])('a key that cannot be used alone is named: %s', async (name, why) => {
    const error = await failure(labels({ PLATFORMCTL_IDENTITY_FILE: at(name) }));
    expect(error).toMatchObject({ code: 'PCTL-SSH-NO-IDENTITY', exit: 2, why: expect.stringMatching(why) });
  });

  test('a private key that the SSH library cannot read is named with what mends it, and not offered', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    writeFileSync(at('pkcs8'), pkcs8, { mode: 0o600 });
    const unread = { code: 'PCTL-SSH-NO-IDENTITY', exit: 2, why: expect.stringContaining('ssh-keygen -p -f') };
    expect(await failure(labels({ PLATFORMCTL_SSH_KEY: pkcs8 }))).toMatchObject(unread);
    expect(await failure(labels({ PLATFORMCTL_IDENTITY_FILE: at('pkcs8') }))).toMatchObject(unread);
    const half = readFileSync(at('plain'), 'utf8').replace(/\n.+\n/, '\n');
    expect(await failure(labels({ PLATFORMCTL_SSH_KEY: half }))).toMatchObject(unread);
    expect(await labels({ PLATFORMCTL_IDENTITY_FILE: at('pkcs8') }, at('plain'))).toEqual([
      'identity_file /plain ssh-ed25519 SHA256',
    ]);
    execFileSync('ssh-keygen', ['-q', '-p', '-N', '', '-f', at('pkcs8')]);
    expect(await labels({ PLATFORMCTL_IDENTITY_FILE: at('pkcs8') })).toEqual([
      'PLATFORMCTL_IDENTITY_FILE /pkcs8 ssh-rsa SHA256',
    ]);
  });

  test('FIDO keys and certificates in an agent are named', async () => {
    const error = await withAgent(
      [blob('sk-ssh-ed25519@openssh.com'), blob('ssh-ed25519-cert-v01@openssh.com')],
      (socket) => failure(labels({ SSH_AUTH_SOCK: socket })),
    );
    expect(error).toMatchObject({
      code: 'PCTL-SSH-NO-IDENTITY',
      why: 'SSH_AUTH_SOCK: sk-ssh-ed25519@openssh.com is a FIDO key, which needs its device: platformctl cannot use it; SSH_AUTH_SOCK: ssh-ed25519-cert-v01@openssh.com is a certificate: platformctl cannot use it',
    });
  });

  test('a FIDO key file is named', async () => {
    const magic = Buffer.from('openssh-key-v1\0');
    const s = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const body = Buffer.concat([
      magic,
      s('none'),
      s('none'),
      s(''),
      Buffer.from([0, 0, 0, 1]),
      Buffer.from([0, 0, 0, blob('sk-ssh-ed25519@openssh.com').length]),
      blob('sk-ssh-ed25519@openssh.com'),
    ]);
    const text = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    expect(readKeyText(text)).toMatchObject({ kind: 'sk-ssh-ed25519@openssh.com', encrypted: false });
    expect((await failure(labels({ PLATFORMCTL_SSH_KEY: text }))).why).toMatch(/is a FIDO key/);
  });

  test('PLATFORMCTL_IDENTITY_FILE that is not there is an error, an identity_file of the repo is not', async () => {
    expect(await failure(labels({ PLATFORMCTL_IDENTITY_FILE: at('absent') }))).toMatchObject({
      code: 'PCTL-SSH-IDENTITY-FILE',
      exit: 2,
    });
    await withAgent([blob('ssh-ed25519')], async (socket) => {
      expect(await labels({ SSH_AUTH_SOCK: socket }, '~/absent')).toEqual(['SSH_AUTH_SOCK']);
    });
  });

  test('a locked identity_file puts its key first in the agent', async () => {
    await withAgent([blob('ssh-ed25519')], async (socket) => {
      const { offers } = await gatherIdentities(address(at('locked')), testDeps({ SSH_AUTH_SOCK: socket }));
      const encoded = readFileSync(at('locked.pub'), 'utf8').split(' ')[1] as string;
      expect(offers).toMatchObject([{ from: 'agent', first: [Buffer.from(encoded, 'base64')] }]);
    });
  });
});

test('X-8 an agent that says nothing, nonsense or too little is no agent', async () => {
  for (const answer of [
    Buffer.alloc(0),
    Buffer.from('nonsense'),
    Buffer.from([0, 0, 0, 1, 5]),
    Buffer.from([0, 0, 0, 5, 12, 0xff, 0xff, 0xff, 0xff]),
  ]) {
    const server = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(answer)));
    const path = at(`silent-${Math.random()}`);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await agentKeys(path, 200)).toBeNull();
    server.close();
  }
  expect(await agentKeys(at('nobody'), 200)).toBeNull();
});
