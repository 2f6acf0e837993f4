import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configText } from '../../src/flows/init-files.js';
import { quickKeys } from '../../src/manifest/quick-keys.js';
import { stackText } from '../../src/manifest/stack-text.js';

const keys = (text: string, ...path: string[]): string[] => quickKeys(text, path).map(({ key }) => key);
const parsed = (text: string, ...path: string[]): string[] =>
  Object.keys(path.reduce((data, name) => data?.[name] ?? {}, parse(text)));

const service = (name: string, id: string | null = null) =>
  ({ name, id, protected: false, job: false, hostFiles: ['.env'] }) as const;

describe('C-8 keys told from lines are those that a parser finds', () => {
  it.each([
    ['init', configText({ approval: 'self', branch: 'main', remoteRoot: '/opt/x', signer: null }), ['hosts']],
    ['the sample platform', readFileSync('.platform/config.yaml', 'utf8'), ['hosts']],
    ['the last key', 'a: 1\nhosts:\n  b: {}\n  c:\n    hosts: {d: 1}\n', ['hosts']],
    ['no indentation to speak of', 'hosts:\n b: 1\n "c d": 2\nx: 1\n', ['hosts']],
    ['braces', 'spec: 1\nhosts: { a: {b: 1, c: [d, e]}, "f": {g: "h, i"}, j: }   # k: l\n', ['hosts']],
    ['braces over lines', 'hosts: {\n  a: {},\n  b: {x: y}\n}\nz: 1\n', ['hosts']],
    ['comments between', 'hosts:\n  # x: 1\n  a: 1 # y\n\n  b: 2\n', ['hosts']],
    ['none', 'a: 1\n', ['hosts']],
    [
      'import',
      stackText({
        id: 's',
        host: 'h',
        composeFile: 'c/compose.yaml',
        project: 's',
        services: [service('a.b', 'x'), service('c')],
        notes: ['d: e'],
      }),
      ['spec', 'services'],
    ],
  ])('%s', (_, text, path) => {
    expect(keys(text, ...path)).toEqual(parsed(text, ...path));
  });

  it('what a key holds, for an id of its own', () => {
    const text = 'spec:\n  services:\n    server: {id: photos}\n    db:\n      id: "data"\n      protected: true\n';
    expect(quickKeys(text, ['spec', 'services'])).toEqual([
      { key: 'server', text: '{id: photos}' },
      { key: 'db', text: '\n      id: "data"\n      protected: true' },
    ]);
  });

  it.each(['\0', '{{{{', 'hosts: {', 'hosts: {"a', 'hosts:\n\t- x', ':', 'hosts:'])('%j is nothing', (text) => {
    expect(keys(text, 'hosts')).toEqual([]);
  });
});
