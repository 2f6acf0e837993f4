/** finish.sh where the engine answers nothing any more, in the shells that hosts have. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishProgram } from '../../src/host/programs.js';
import { BARE, finish } from '../lab/process.js';
import { SHELLS, write } from './words.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gone-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  writeFileSync(join(root, 'page'), 'old');
  mkdirSync(join(root, '.platform/runs/r/kept'), { recursive: true });
  const status = '{"outcome":"x","attempt":{"why":"';
  write(root, {
    'runs/r/go/settings': 'module=web\nproject=p\nservice=web\nback=running\ncompose_seconds=9\nengine_seconds=2\n',
    'runs/r/go/swap': 'put 644 page\n',
    'runs/r/go/folders': '',
    'runs/r/go/up': 'false\n',
    'runs/r/go/back': 'false\n',
    'runs/r/go/status.applying': '{"outcome":"applying"',
    'runs/r/go/audit.applying': '"module":"web"',
    'runs/r/go/status.rollback_failed': status,
    'runs/r/go/audit.rollback_failed': '"module":"web"',
    'runs/r/new/1': 'new',
    'runs/r/locks': '',
    'runs/r/holder': '',
    'state/modules/web.status.json': '',
    'locks/audit': '',
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('B-1 in %s', (_, shell) => {
  it('the files go back all the same, and the end is told and recorded: 12', async () => {
    const [program, ...rest] = shell as [string, ...string[]];
    const env = { ...BARE, PATH: `${root}/bin:${BARE.PATH}` };
    const { exit, stderr } = await finish(program, [...rest, '-c', finishProgram, 'finish', root, 'r'], { env });
    const at = (path: string) => readFileSync(join(root, path), 'utf8');
    expect([exit, stderr]).toEqual([12, '']);
    expect(at('page')).toBe('old');
    expect(at('.platform/runs/r/journal')).toMatch(/^end rollback_failed 12 /m);
    expect(JSON.parse(at('.platform/state/modules/web.status.json'))).toMatchObject({ container_id: null });
  });
});
