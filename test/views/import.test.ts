import { expect, it } from 'vitest';
import type { ImportResult } from '../../src/flows/import.js';
import { importText } from '../../src/views/import.js';

const RESULT: ImportResult = {
  host: 'nas',
  rows: [
    {
      project: 'notes',
      service: 'notes',
      module: 'notes-notes',
      verdict: 'adoptable',
      why: null,
      fix: null,
      exceptions: [],
    },
    {
      project: 'watcher',
      service: 'watcher',
      module: 'watcher-watcher',
      verdict: 'exception',
      why: null,
      fix: null,
      exceptions: [],
    },
    {
      project: 'old',
      service: 'web',
      module: null,
      verdict: 'cannot',
      why: '/home/ann/old/compose.yaml is not beneath remote_root /opt/stacks',
      fix: 'move the stack there',
      exceptions: [],
    },
    {
      project: 'shop',
      service: 'api',
      module: 'shop-api',
      verdict: 'declared',
      why: 'managed by platformctl: module shop-api',
      fix: null,
      exceptions: [],
    },
    {
      project: 'shop',
      service: 'db',
      module: 'shop-db',
      verdict: 'declared',
      why: null,
      fix: null,
      exceptions: [],
    },
  ],
  files: [
    { path: 'hosts/nas/notes/compose.yaml', state: 'written' },
    { path: 'modules/notes/stack.yaml', state: 'written' },
    { path: 'modules/watcher/stack.yaml', state: 'kept' },
  ],
  allow: ['- { module: watcher-watcher, rule: network_mode, value: host, reason: "say why" }'],
  warnings: ['hosts/nas/notes/compose.yaml, line 5: a secret in plain, by its look. Before you commit: ...'],
};

it('import: what was written, what each will be, what to do next', async () => {
  const style = { colour: false, full: false, now: null, terminal: false };
  await expect(importText(RESULT, style)).toMatchFileSnapshot('golden/import.txt');
});
