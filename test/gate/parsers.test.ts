import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllowedSigners } from '../../src/gate/allowed-signers.js';
import { parseSignatureFile, signatureText, signedMessage } from '../../src/gate/signature-file.js';
import { hex } from './facts.js';

const bytes = (text: string) => new TextEncoder().encode(text);
/** A public key of the right shape whose data differs by name. */
const key = (name: string, kind = 'ssh-ed25519') => {
  const blob = Buffer.concat([
    Buffer.from([0, 0, 0, kind.length]),
    Buffer.from(kind),
    Buffer.from(name.padEnd(36, '.')),
  ]);
  return `${kind} ${blob.toString('base64')}`;
};
const parse = (text: string) => parseAllowedSigners(bytes(text), 'allowed_signers');

describe('G-4: allowed_signers', () => {
  it('reads lines, comments, quotes, options, CRLF', () => {
    const { persons, problems } = parse(
      [
        '# comment',
        '',
        `Alice@Example.net ${key('a')} comment with words`,
        `bob@x.net,bob@y.net namespaces="git,platformctl-plan",valid-after="20260101",valid-before="20270101123000Z" ${key('b')}`,
        `"carol@x.net"\t${key('c')}\r`,
        `  dan@x.net NameSpaces="a" ${key('d', 'ecdsa-sha2-nistp256')}`,
      ].join('\n'),
    );
    expect(problems).toEqual([]);
    expect(persons.map((person) => person.addresses)).toEqual([
      ['alice@example.net'],
      ['bob@x.net', 'bob@y.net'],
      ['carol@x.net'],
      ['dan@x.net'],
    ]);
    expect(persons[1]?.lines[0]).toMatchObject({
      line: 4,
      namespaces: ['git', 'platformctl-plan'],
      validAfter: Date.UTC(2026, 0, 1),
      validBefore: Date.UTC(2027, 0, 1, 12, 30),
    });
  });

  it('a person is what lines that share an address or a key make together', () => {
    const { persons } = parse(
      [
        `a@x.net ${key('1')}`,
        `b@x.net ${key('2')}`,
        `A@X.net ${key('3')}`,
        `c@x.net ${key('3')}`,
        `d@x.net,e@x.net ${key('4')}`,
        `e@x.net ${key('5')}`,
      ].join('\n'),
    );
    expect(persons.map((person) => person.addresses)).toEqual([
      ['a@x.net', 'c@x.net'],
      ['b@x.net'],
      ['d@x.net', 'e@x.net'],
    ]);
  });

  it.each([
    [`*@example.net ${key('a')}`, 'PCTL-SIGNERS-PATTERN'],
    [`alice@example.net,!bob@example.net ${key('a')}`, 'PCTL-SIGNERS-PATTERN'],
    [`a?@example.net ${key('a')}`, 'PCTL-SIGNERS-PATTERN'],
    [`alice ${key('a')}`, 'PCTL-SIGNERS-ADDRESS'],
    [`a@x.net, ${key('a')}`, 'PCTL-SIGNERS-ADDRESS'],
    [`a@b@c ${key('a')}`, 'PCTL-SIGNERS-ADDRESS'],
    [`a@x.net cert-authority ${key('a')}`, 'PCTL-SIGNERS-CERTIFICATE'],
    [`a@x.net namespaces="x",CERT-AUTHORITY ${key('a')}`, 'PCTL-SIGNERS-CERTIFICATE'],
    [`a@x.net ${key('a', 'ssh-ed25519-cert-v01@openssh.com')}`, 'PCTL-SIGNERS-CERTIFICATE'],
    [`a@x.net unknown="x" ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    [`a@x.net valid-after="2026" ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    [`a@x.net valid-after="20260231" ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    [`a@x.net valid-after="20260102",valid-before="20260101" ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    [`a@x.net namespaces="a",namespaces="b" ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    [`a@x.net namespaces="a ${key('a')}`, 'PCTL-SIGNERS-LINE'],
    ['a@x.net', 'PCTL-SIGNERS-LINE'],
    ['a@x.net ssh-ed25519 AAAA', 'PCTL-SIGNERS-LINE'],
    [`a@x.net ssh-rsa ${key('a').split(' ')[1]}`, 'PCTL-SIGNERS-LINE'],
  ])('refuses %j with its line', (line, code) => {
    const { persons, problems } = parse(`# first\n${line}\nok@x.net ${key('z')}\n`);
    expect(problems).toMatchObject([{ code, file: 'allowed_signers', line: 2 }]);
    expect(problems[0]?.hint).toBeTruthy();
    expect(persons).toHaveLength(1);
  });

  it('I-4: size, lines, encoding', () => {
    expect(parseAllowedSigners(new Uint8Array(2 ** 20 + 1), 'f').problems[0]?.code).toBe('PCTL-SIGNERS-SIZE');
    expect(parse('\n'.repeat(20_000)).problems[0]?.code).toBe('PCTL-SIGNERS-SIZE');
    expect(parseAllowedSigners(new Uint8Array([0xff, 0xfe]), 'f').problems[0]?.code).toBe('PCTL-SIGNERS-LINE');
  });

  it('any text gives persons of plain addresses or problems, never an error', () => {
    const word = fc.constantFrom(
      'a@x.net',
      '*',
      '"',
      ',',
      '!',
      ' ',
      '\t',
      '\n',
      'namespaces="',
      '\\"',
      'cert-authority',
      'valid-after="20260101"',
      key('q'),
      key('r'),
      '#',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(word, { maxLength: 20 }).map((words) => words.join('')),
        ),
        (text) => {
          for (const person of parse(text).persons)
            for (const address of person.addresses) expect(address).toMatch(/^[^*?!\s,"]+@[^*?!\s,"]+$/);
        },
      ),
      { numRuns: 500 },
    );
  });
});

const ARMOR = '-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----';

describe('G-4: PLAN.sig', () => {
  it('what approve writes is read back, several of them, digests sorted', () => {
    const text = signatureText([hex('b'), hex('a'), hex('b')], ARMOR) + signatureText([hex('c')], ARMOR);
    expect(parseSignatureFile(bytes(text))).toMatchObject({
      blocks: [
        { line: 3, digests: [hex('a'), hex('b')] },
        { line: 7, digests: [hex('c')] },
      ],
      strays: [],
    });
    expect(signedMessage([hex('b'), hex('a')])).toBe(`${hex('a')}\n${hex('b')}`);
    expect(signedMessage([hex('a')])).toBe(hex('a'));
  });

  it.each<[string, string, number, number]>([
    ['by hand, no digest', `${ARMOR}\n`, 1, 0],
    ['CRLF', signatureText([hex('a')], ARMOR).replaceAll('\n', '\r\n'), 1, 0],
    ['prose above a signature spoils it', `trust me\n${signatureText([hex('a')], ARMOR)}`, 0, 2],
    ['a capital digest is no digest', `${hex('A')}\n${ARMOR}`, 0, 2],
    ['no end', '-----BEGIN SSH SIGNATURE-----\nAAAA\n', 0, 1],
    ['a begin inside', `-----BEGIN SSH SIGNATURE-----\nAAAA\n${ARMOR}`, 1, 1],
    ['digests alone', `${hex('a')}\n`, 0, 1],
    ['prose below', `${ARMOR}\nthanks\n`, 1, 1],
    ['empty', '', 0, 0],
    ['too many', `${ARMOR}\n`.repeat(150), 100, 50],
  ])('%s', (_name, text, blocks, strays) => {
    const parsed = parseSignatureFile(bytes(text));
    expect([parsed.blocks.length, parsed.strays.length]).toEqual([blocks, strays]);
  });

  it('any bytes: blocks are whole signatures over well-formed digests, never an error', () => {
    const part = fc.constantFrom(
      hex('a'),
      hex('b'),
      '\n',
      ARMOR,
      '-----BEGIN SSH SIGNATURE-----',
      '-----END SSH SIGNATURE-----',
      'x',
      '\r',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(part, { maxLength: 30 }).map((parts) => bytes(parts.join(''))),
        ),
        (data) => {
          for (const block of parseSignatureFile(data).blocks) {
            expect(block.armor.match(/-----BEGIN/g)).toHaveLength(1);
            for (const digest of block.digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
