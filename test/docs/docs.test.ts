/** What the documents say of the program is there: commands, options, exit codes, files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXITS } from '../../src/exits.js';
import { buildProgram } from '../../src/program.js';

const PAGES = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs').map((name) => `docs/${name}`),
];
const read = (page: string): string => readFileSync(page, 'utf8');
const program = buildProgram(async () => undefined);

/** What follows `platformctl` in code, up to what ends a command there. */
function* calls(text: string): Generator<string> {
  for (const [code] of text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g))
    for (const [, call = ''] of code.matchAll(/^(?:`|\$ )?(?:[A-Z_]+=\S+ )*platformctl +([^`\n|;&#]+)/gm))
      yield call.trim();
}

function problemOf(call: string): string | null {
  const words = call.split(/\s+/);
  let command: Command = program;
  while (words.length > 0) {
    const next = command.commands.find((one) => one.name() === words[0]);
    if (!next) break;
    command = next;
    words.shift();
  }
  if (command === program && words[0] !== undefined && !words[0].startsWith('-')) return `no command ${words[0]}`;
  const known = [program, command].flatMap((one) => one.options.flatMap((option) => [option.long, option.short]));
  const unknown = words.filter((word) => /^--?[a-z]/.test(word)).find((word) => !known.includes(word.split('=')[0]));
  return unknown === undefined || ['-h', '--help', '--version'].includes(unknown) ? null : `no option ${unknown}`;
}

it('finds the calls in the pages', () => {
  expect([...calls(read('README.md'))].length).toBeGreaterThan(10);
});

describe.each(PAGES)('%s', (page) => {
  it('names commands and options that there are', () => {
    expect([...calls(read(page))].map((call) => [call, problemOf(call)]).filter(([, problem]) => problem)).toEqual([]);
  });

  it('links to files that there are', () => {
    const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] as string);
    expect(targets.filter((target) => !existsSync(join(dirname(page), target)))).toEqual([]);
  });

  it('names files of src and test that there are', () => {
    const named = [...read(page).matchAll(/`((?:src\/)?[a-z-]+(?:\/[a-z-]+)*\/[a-z-]+\.(?:ts|sh|mjs))`/g)];
    const paths = named.map((match) => match[1] as string);
    expect(paths.filter((path) => !existsSync(path) && !existsSync(join('src', path)))).toEqual([]);
  });
});

it("README's exit codes are those of the table, but for what belongs to commands that are not there yet", () => {
  const section = /## Exit codes\n([\s\S]*?)```/.exec(read('README.md'))?.[1] ?? '';
  const told = [...section.matchAll(/^\| ([0-9, ]+) \|/gm)].flatMap((row) =>
    (row[1] as string).split(', ').map(Number),
  );
  const later = [13, 14];
  expect(told.toSorted((a, b) => a - b)).toEqual(
    EXITS.map((exit) => exit.code).filter((code) => !later.includes(code)),
  );
});
