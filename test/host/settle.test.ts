/** talk.sh where it writes what a run was that nobody ended: after a power loss its folder may have names without bytes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message, put } from '../../src/execute/protocol.js';
import { SHELLS, words, write } from './words.js';

const STATUS = '{"outcome":"applying"}\n';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'settle-'));
  mkdirSync(join(root, '.platform'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('R-4 in %s', (_, shell) => {
  const settle = async (status: string, audit: string) => {
    write(root, {
      'runs/dead/go/status.unknown': status,
      'runs/dead/go/audit.unknown': audit,
      'state/modules/web.status.json': STATUS,
    });
    const answers = await words(shell, root, [
      ...put('holder', Buffer.from('{"run_id":"next"}\n')),
      message('lock', 'next', 'module.web'),
      message('settle', 'dead', 'web', '0'.repeat(64), 'unknown', 'interrupted', '', '', ''),
    ]);
    return answers.at(-1)?.code;
  };
  const document = () => readFileSync(join(root, '.platform/state/modules/web.status.json'), 'utf8');

  it('the end is written from what the run brought', async () => {
    expect(await settle('{"outcome":"unknown","attempt":{"why":"', '"module":"web"')).toBe(0);
    expect(JSON.parse(document())).toMatchObject({ outcome: 'unknown', attempt: { why: 'interrupted' } });
  });

  it.each([
    ['', '"module":"web"'],
    ['{"outcome":"unknown","attempt":{"why":"', ''],
  ])('a whole status is never replaced by one that is made of nothing (%j, %j)', async (status, audit) => {
    expect(await settle(status, audit)).not.toBe(0);
    expect(document()).toBe(STATUS);
  });
});
