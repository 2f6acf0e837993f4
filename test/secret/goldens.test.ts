/** What platformctl says by itself comes through its own redactor as it is: a command to paste with `***` in it is none. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createRedactor } from '../../src/secret/redactor.js';

const GOLDENS = readdirSync('test', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /(^|\/)golden(\/|$)/.test(entry.parentPath))
  .map((entry) => join(entry.parentPath, entry.name));

it('O-3 no golden has anything to mask', () => {
  expect(GOLDENS.length).toBeGreaterThan(50);
  const redactor = createRedactor();
  const changed = GOLDENS.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const lines = redactor.text(text).split('\n');
    return text.split('\n').flatMap((line, at) => (line === lines[at] ? [] : [`${file}:${at + 1} ${line}`]));
  });
  expect(changed).toEqual([]);
});
