import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandLine } from '../../../src/adapters/ssh/command.js';
import { failure, program } from './parts.js';

const PRINT = 'shift; for a; do printf "%s\\0" "$a"; done';

/** Shells that sshd might hand the command to; those that are not installed are left out. */
const shells = ['dash', 'bash', 'zsh', 'fish', 'busybox'].filter(
  (shell) => spawnSync(shell, shell === 'busybox' ? ['true'] : ['-c', 'true']).status === 0,
);

function through(shell: string, args: readonly string[]): string {
  const command = commandLine(program(PRINT, ...args));
  return execFileSync(shell, shell === 'busybox' ? ['sh', '-c', command] : ['-c', command], { encoding: 'utf8' });
}

describe.each(shells)('X-2 as the login shell: %s', (shell) => {
  test('hard words arrive as they are', () => {
    const words = [
      '',
      ' ',
      "'",
      "''",
      '\\',
      "\\'",
      "a\\'b",
      '\\\\',
      'a\\',
      '$HOME',
      '$(id)',
      '`id`',
      '(id)',
      '{a,b}',
      '~',
      '=ls',
      '%1',
      '-n',
      '!',
      '!!',
      '#',
      '*',
      '?',
      'a\nb',
      '\t',
      '"',
      '&;|<>',
      '\u00e9\u{1F600}',
    ];
    expect(through(shell, words)).toBe(`${words.join('\0')}\0`);
  });

  test('any word arrives as it is', () => {
    const word = fc.string({
      unit: fc.constantFrom("'", '\\', '"', '$', '`', '=', '%', ' ', '\n', 'a', '(', '!', '~', '*', '\u00e9'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        expect(through(shell, words)).toBe(`${words.join('\0')}\0`);
      }),
      { numRuns: 15 },
    );
  });
});

test('dash and bash are among the shells', () => {
  expect(shells).toEqual(expect.arrayContaining(['dash', 'bash']));
});

test('the command is one value', () => {
  expect(commandLine(program('echo "$2"', "it's", 'plain'))).toBe(
    `exec sh -c 'eval "$1"' platformctl 'echo "$2"' 'it'\\\\''s' plain`.replace("\\\\''", "\\''"),
  );
});

test('a program that does not fit into one argument is refused here', async () => {
  const error = await failure((async () => commandLine(program('x'.repeat(120_000))))());
  expect(error).toMatchObject({ code: 'PCTL-PROGRAM-SIZE', exit: 2 });
  expect(() => commandLine(program('x'.repeat(119_000)))).not.toThrow();
});
