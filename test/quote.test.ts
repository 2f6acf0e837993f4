import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from '../src/quote.js';

const SHELLS: readonly (readonly [string, readonly string[]])[] = [
  ['sh', ['sh']],
  ['dash', ['dash']],
  ['busybox sh', ['busybox', 'sh']],
  ['bash', ['bash']],
];
const here = SHELLS.map(([name, argv]) => ({
  name,
  argv,
  missing: spawnSync(argv[0]!, [...argv.slice(1), '-c', ':']).status !== 0,
}));

/** What a shell makes of words: it prints each, NUL-terminated. An empty list would print one empty word, so there is always a first one. */
function words(argv: readonly string[], values: readonly string[]): string[] {
  const print = 'for word do printf "%s\\0" "$word"; done';
  const script = `set -- first ${values.map(quote).join(' ')}\n${print}`;
  const { stdout, status, stderr } = spawnSync(argv[0]!, [...argv.slice(1), '-c', script]);
  expect({ status, stderr: `${stderr}` }).toEqual({ status: 0, stderr: '' });
  return `${stdout}`.split('\0').slice(1, -1);
}

const HOSTILE = [
  '',
  ' ',
  '-n',
  '--',
  '-rf /',
  "'",
  "''",
  "'\\''",
  '"',
  '\\',
  '$(touch /tmp/x)',
  '`id`',
  '$HOME',
  '~',
  '~root',
  '*',
  '[a-z]?',
  '{a,b}',
  '!!',
  '#no comment',
  'a#b',
  ';ls',
  '|',
  '&',
  '>f',
  'a=b',
  'a\nb',
  '\n',
  'trailing\n',
  '\r\n',
  '\t',
  '\u001b[31m',
  'é',
  '日本語',
  '\u202e',
  '\u00a0',
  '%s%n',
];

// Lone surrogates are no UTF-8: Node itself would send U+FFFD.
const argument = fc.oneof(
  fc.string({ unit: 'binary-ascii' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '$', '`', '(', ')', ' ', '\n', '-', '!', '*', '~', '#', 'a') }),
);

describe.each(here)('X-2: quote, read by a real $name', ({ name, argv, missing }) => {
  it.skipIf(missing)('gives every hostile word back', () => {
    expect(words(argv, HOSTILE)).toEqual(HOSTILE);
  });

  it.skipIf(missing)(`gives any words back (${name})`, () => {
    const list = fc.array(
      argument.map((text) => text.replaceAll('\0', '')),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(list, (values) => {
        expect(words(argv, values)).toEqual(values);
      }),
      { numRuns: 60 },
    );
  });
});

describe('quote', () => {
  it('leaves a plain word as it is, so that a dry run can be read', () => {
    expect(['docker', '--file=/a/b.yaml', 'x_y@z:1,2', '50%+'].map(quote)).toEqual([
      'docker',
      '--file=/a/b.yaml',
      'x_y@z:1,2',
      '50%+',
    ]);
  });

  it('puts anything else between single quotes', () => {
    expect(['', 'a b', "it's", '~'].map(quote)).toEqual(["''", "'a b'", `'it'\\''s'`, "'~'"]);
  });

  it('refuses what cannot be an argument', () => {
    expect(() => quote('a\0b')).toThrow(RangeError);
  });
});
