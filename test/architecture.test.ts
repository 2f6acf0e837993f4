import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isBarrel, packageOf, tooLong, violations } from './architecture/check.js';
import { parse } from './architecture/source.js';
import { GENERATED, LONGER, LONGEST_FILE } from './architecture/table.js';

const files = readdirSync('src', { recursive: true })
  .map((name) => `src/${name}`)
  .filter((path) => /\.(ts|sh)$/.test(path))
  .sort()
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const modules = files.filter(({ path }) => path.endsWith('.ts'));

describe('src holds to the table of design.md', () => {
  it('has files to look at', () => {
    expect(modules.length).toBeGreaterThan(50);
  });

  it('imports and touches only what the room may', () => {
    expect(modules.flatMap(({ path, text }) => violations(path, text))).toEqual([]);
  });

  it('has no barrels', () => {
    expect(modules.filter(({ path, text }) => isBarrel(path, text)).map(({ path }) => path)).toEqual([]);
  });

  it(`has no file over ${LONGEST_FILE} lines but those with a reason`, () => {
    expect(files.flatMap(({ path, text }) => tooLong(path, text) ?? [])).toEqual([]);
  });

  it('has no exception that nothing needs', () => {
    const of = (path: string) => files.find((file) => file.path === path)?.text ?? '';
    const lines = (path: string) => of(path).split('\n').length;
    expect(Object.keys(LONGER).filter((path) => lines(path) <= LONGEST_FILE)).toEqual([]);
    expect(GENERATED.filter((path) => of(path) === '')).toEqual([]);
  });

  it('imports no package that a user does not get', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    const imported = modules.flatMap(({ path, text }) =>
      parse(path, text)
        .imports.filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
        .map(({ from }) => packageOf(from)),
    );
    expect(imported.length).toBeGreaterThan(0);
    expect([...new Set(imported)].filter((name) => !(name in dependencies))).toEqual([]);
  });
});

describe('the check itself can fail', () => {
  it.each([
    ['src/gate/x.ts', "import { readFileSync } from 'node:fs';", 'src/gate/x.ts:1 gate may not import node:fs'],
    [
      'src/plan/x.ts',
      "\nimport { apply } from '../flows/apply.js';",
      'src/plan/x.ts:2 plan may not import flows/apply',
    ],
    [
      'src/plan/x.ts',
      "import type { World } from '../ports.js';",
      'src/plan/x.ts:1 plan may not import types of ports',
    ],
    ['src/flows/x.ts', "import { x } from '../ports.js';", 'src/flows/x.ts:1 flows may not import ports'],
    [
      'src/flows/x.ts',
      "export { x } from '../adapters/ssh/host.js';",
      'src/flows/x.ts:1 flows may not import adapters/ssh/host',
    ],
    ['src/flows/x.ts', "const x = await import('execa');", 'src/flows/x.ts:1 flows may not import execa'],
    ['src/flows/x.ts', 'const x = await import(name);', 'src/flows/x.ts:1 flows may not import (computed)'],
    ['src/flows/x.ts', "type X = import('ssh2').Client;", 'src/flows/x.ts:1 flows may not import ssh2'],
    ['src/views/x.ts', "import { a } from '../plan/changes.js';", 'src/views/x.ts:1 views may not import plan/changes'],
    [
      'src/compose/x.ts',
      "import { a } from '../plan/changes.js';",
      'src/compose/x.ts:1 compose may not import plan/changes',
    ],
    ['src/host/x.ts', "import { a } from '../secret/secret.js';", 'src/host/x.ts:1 host may not import secret/secret'],
    [
      'src/manifest/x.ts',
      "import { a } from '../secret/forms.js';",
      'src/manifest/x.ts:1 manifest may not import secret/forms',
    ],
    [
      'src/commands/x.ts',
      "import { a } from '../manifest/types.js';",
      'src/commands/x.ts:1 commands may not import manifest/types',
    ],
    [
      'src/state/x.ts',
      "import { randomUUID } from 'node:crypto';",
      'src/state/x.ts:1 state may not import randomUUID of node:crypto',
    ],
    ['src/state/x.ts', "import crypto from 'node:crypto';", 'src/state/x.ts:1 state may not import all of node:crypto'],
    [
      'src/adapters/x.ts',
      "import { a } from '../flows/plan.js';",
      'src/adapters/x.ts:1 adapters may not import flows/plan',
    ],
    ['src/flows/x.ts', 'const now = Date.now();', 'src/flows/x.ts:1 flows may not use Date.now'],
    ['src/plan/x.ts', 'const now = new Date();', 'src/plan/x.ts:1 plan may not use new Date'],
    ['src/plan/x.ts', 'const now = Date();', 'src/plan/x.ts:1 plan may not use Date()'],
    ['src/gate/x.ts', 'const n = Math.random();', 'src/gate/x.ts:1 gate may not use Math.random'],
    ['src/adapters/x.ts', 'const home = process.env.HOME;', 'src/adapters/x.ts:1 adapters may not use process.env'],
    ['src/views/x.ts', 'const { env } = process;', 'src/views/x.ts:1 views may not use process'],
    ['src/commands/x.ts', 'globalThis.process.exit(1);', 'src/commands/x.ts:1 commands may not use process'],
    ['src/gate/x.ts', 'export const f = async () => 1;', 'src/gate/x.ts:1 gate may not use async'],
    ['src/utils/x.ts', 'export const f = 1;', 'src/utils/x.ts is in no room of the table'],
  ])('%s: %s', (path, text, expected) => {
    expect(violations(path, text)).toEqual([expected]);
  });

  it.each([
    ['src/gate/x.ts', "import { createHash, type Hash } from 'node:crypto';"],
    [
      'src/plan/x.ts',
      "import type { A } from '../compose/model.js'; import { b } from '../errors.js'; const t = new Date(0);",
    ],
    ['src/views/x.ts', "import { type A, type B } from '../plan/changes.js';"],
    ['src/adapters/x.ts', "import { spawn } from 'node:child_process'; const now = Date.now();"],
    ['src/adapters/x.ts', 'export const run = (process: Child) => process.kill();'],
    ['src/main.ts', 'const argv = process.argv;'],
    ['src/adapters/x.ts', 'const alive = process.kill(pid, 0);'],
    ['src/flows/x.ts', '// Date.now() and process.env are words here\nconst text = "process.env";'],
  ])('and lets pass in %s: %s', (path, text) => {
    expect(violations(path, text)).toEqual([]);
  });

  it.each([
    ['src/gate/index.ts', 'export const a = 1;\n', true],
    ['src/gate/all.ts', "export * from './a.js';\nexport { b } from './b.js';\n", true],
    ['src/gate/a.ts', "import { b } from './b.js';\nexport const a = b;\n", false],
  ])('barrel: %s %j', (path, text, expected) => {
    expect(isBarrel(path, text)).toBe(expected);
  });

  it('finds a file that is too long', () => {
    expect(tooLong('src/gate/x.ts', 'a;\n'.repeat(LONGEST_FILE))).toBeNull();
    expect(tooLong('src/gate/x.ts', 'a;\n'.repeat(LONGEST_FILE + 1))).toBe(
      'src/gate/x.ts has 251 lines; over 250 it asks to be two',
    );
  });
});
