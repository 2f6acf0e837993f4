import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostKeyAlgorithms, judgeHostKey, pinsOf } from '../../../src/adapters/ssh/host-key.js';
import { knownKeys } from '../../../src/adapters/ssh/known-hosts.js';
import { processorTime } from '../../processor.js';
import { addressOf, failure, testDeps } from './parts.js';

const string = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
const key = (kind: string, fill: number): Buffer =>
  Buffer.concat([string(kind), string(String.fromCharCode(fill).repeat(32))]);
const A = key('ssh-ed25519', 65);
const B = key('ssh-ed25519', 66);
const line = (names: string, blob: Buffer, marker = ''): string =>
  `${marker}${names} ssh-ed25519 ${blob.toString('base64')} comment\n`;

describe('G-6 known_hosts', () => {
  const table: [string, string, string, number, boolean][] = [
    ['plain name', line('host.example', A), 'host.example', 22, true],
    ['another case', line('Host.Example', A), 'hOST.example', 22, true],
    ['one of several', line('x,host.example,y', A), 'host.example', 22, true],
    ['other name', line('host.example', A), 'host.example.net', 22, false],
    ['port', line('[host.example]:2222', A), 'host.example', 2222, true],
    ['other port', line('[host.example]:2222', A), 'host.example', 2223, false],
    ['a name without a port says nothing of another port', line('host.example', A), 'host.example', 2222, false],
    ['star', line('*.example', A), 'host.example', 22, true],
    ['star over dots', line('h*e', A), 'host.sub.example', 22, true],
    ['question mark', line('hos?', A), 'host', 22, true],
    ['question mark is one character', line('hos?', A), 'hos', 22, false],
    ['negation wins', line('*.example,!host.example', A), 'host.example', 22, false],
    ['negation alone matches nothing', line('!other', A), 'host', 22, false],
    ['comment', `# ${line('host', A)}`, 'host', 22, false],
    ['kind and blob differ', `host ssh-rsa ${A.toString('base64')}\n`, 'host', 22, false],
    ['no base64', 'host ssh-ed25519 AAAA*\n', 'host', 22, false],
    ['CRLF', line('host', A).replace('\n', '\r\n'), 'host', 22, true],
    ['options-like first word', 'host\n', 'host', 22, false],
    ['certificate authority', line('host', A, '@cert-authority '), 'host', 22, false],
    ['unknown marker', line('host', A, '@else '), 'host', 22, false],
  ];
  test.each(table)('%s', (_, text, address, port, found) => {
    expect(knownKeys(text, address, port).trusted).toEqual(found ? [A] : []);
  });

  test('@revoked beats a line that trusts the same key', () => {
    const known = {
      ...knownKeys(line('host', A) + line('*', A, '@revoked ') + line('host', B), 'host', 22),
      source: 'known_hosts',
    };
    const address = addressOf({ port: 22, user: 'agent', hostKey: '' });
    expect(judgeHostKey(address, known, A)).toMatchObject({
      code: 'PCTL-GATE-HOST-KEY',
      exit: 4,
      summary: expect.stringMatching(/revoked/),
    });
    expect(judgeHostKey(address, known, B)).toBeNull();
  });

  test('names that ssh-keygen hashed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'known-'));
    try {
      const file = join(folder, 'known_hosts');
      // ssh-keygen wants real keys.
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'k')]);
      const [, encoded = ''] = readFileSync(join(folder, 'k.pub'), 'utf8').split(' ');
      writeFileSync(file, `host.example ssh-ed25519 ${encoded}\n[host.example]:2222 ssh-ed25519 ${encoded}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
      const text = readFileSync(file, 'utf8');
      expect(text).not.toContain('host.example');
      const found = (address: string, port: number) => knownKeys(text, address, port).trusted.length;
      expect([
        found('host.example', 22),
        found('host.example', 2222),
        found('host.example', 2223),
        found('other', 22),
      ]).toEqual([1, 1, 0, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('I-3 any text is read, and a pattern cannot take long', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        knownKeys(text, 'host', 22);
      }),
    );
    const took = processorTime();
    knownKeys(line(`${'*a'.repeat(2000)}b`, A), 'a'.repeat(5000), 22);
    expect(took()).toBeLessThan(1000);
  });
});

describe('G-6 pins', () => {
  const { files } = testDeps();

  test('the kind of the pinned key comes first, all others after it, SHA-1 never', () => {
    const pins = { source: 'host_key', trusted: [key('ssh-rsa', 65)], revoked: [], authority: false };
    expect(hostKeyAlgorithms(pins)).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
    ]);
  });

  test.each(['nonsense', 'ssh-ed25519 ####', `ssh-rsa ${A.toString('base64')}`])(
    'host_key %s is refused',
    async (hostKey) => {
      expect(await failure(pinsOf(addressOf({ port: 22, user: 'agent', hostKey }), files, '/home/me'))).toMatchObject({
        code: 'PCTL-GATE-HOST-KEY',
        exit: 4,
      });
    },
  );

  test.each(['~/not/here', 'relative/known_hosts'])('known_hosts_file %s is refused', async (knownHostsFile) => {
    const address = addressOf({ port: 22, user: 'agent', hostKey: '' }, { hostKey: null, knownHostsFile });
    expect(await failure(pinsOf(address, files, '/nonexistent'))).toMatchObject({
      code: 'PCTL-GATE-HOST-KEY',
      exit: 4,
    });
  });

  test('how to pin is said in words that can be pasted', () => {
    const address = addressOf({ port: 2222, user: 'agent', hostKey: '' }, { hostKey: null, knownHostsFile: '/k' });
    const pins = { source: '/k', trusted: [], revoked: [], authority: false };
    expect(judgeHostKey(address, pins, A)?.hint).toContain(
      `write into /k: [127.0.0.1]:2222 ssh-ed25519 ${A.toString('base64')}`,
    );
    expect(judgeHostKey(address, { ...pins, authority: true }, A)?.why).toMatch(/@cert-authority/);
  });
});
