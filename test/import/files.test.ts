/** What becomes of each file that a compose file names (import; M-8, P-15). */
import { describe, expect, it } from 'vitest';
import { parseCompose } from '../../src/compose/file.js';
import type { RemoteFile } from '../../src/execute/import.js';
import { draftOf, sketchOf } from '../../src/flows/import-drafts.js';
import { fateOf, fromFolder, type NamedFile } from '../../src/flows/import-files.js';
import { hostConfig } from '../doctor/parts.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const file = (text: string, mode = '644'): RemoteFile => ({
  kind: 'file',
  mode,
  size: text.length,
  bytes: bytes(text),
});
const roots = { host: hostConfig({ remoteRoot: '/opt/stacks', repoRoot: 'hosts/box' }), realRoot: '/opt/stacks' };

const COMPOSE = `services:
  web:
    image: x:1
    env_file: [.env, ../common.env, {path: local.env, required: false}, "\${STAGE}.env", /opt/stacks/abs.env, /etc/elsewhere.env]
    configs: [site]
    secrets: [db]
    security_opt: ["seccomp=./seccomp.json"]
    volumes:
      - ./ro.conf:/ro.conf:ro
      - ./rw.conf:/rw.conf
      - /opt/stacks/web/abs.conf:/abs.conf:ro
      - ./data:/data
      - /etc/hostname:/h:ro
      - ~/x:/x
      - "\${DIR}/y:/y"
      - ../../outside:/o
      - ../.git/hooks/pre-commit:/g
      - named:/n
      - {type: bind, source: ./long.conf, target: /l, read_only: true}
  idle:
    image: x:1
configs: {site: {file: ./site.conf}, unused: {file: ./unused.conf}}
secrets: {db: {file: ./db.txt}}
volumes: {named: {}}
`;

function draft(seen: Record<string, RemoteFile>) {
  const found = {
    project: 'web',
    composeFile: 'web/compose.yaml',
    services: [{ name: 'web', image: 'x:1', ended: false, managed: false }],
  };
  const sketch = sketchOf(found, ['web'], file(COMPOSE), roots);
  if ('why' in sketch) throw new Error(sketch.why);
  return { sketch, draft: draftOf(sketch, new Map(Object.entries(seen)), roots) };
}

describe('the files that a compose file names', () => {
  it('are those beneath remote_root that can be told from the text; values are never to be read', () => {
    const named = draft({}).sketch.named.map(({ path, role, required, readOnly }) => [path, role, required, readOnly]);
    expect(named.toSorted()).toEqual([
      ['abs.env', 'values', true, true],
      ['common.env', 'values', true, true],
      ['web/.env', 'values', true, true],
      ['web/abs.conf', 'mount', false, true],
      ['web/data', 'mount', false, false],
      ['web/db.txt', 'values', true, true],
      ['web/local.env', 'values', false, true],
      ['web/long.conf', 'mount', false, true],
      ['web/ro.conf', 'mount', false, true],
      ['web/rw.conf', 'mount', false, false],
      ['web/seccomp.json', 'config', true, true],
      ['web/site.conf', 'config', true, true],
    ]);
  });

  it('a draft: files for the checkout with their mode, host files, and notes for the reader, none of which can act', () => {
    const { files, hostFiles, notes } = draft({
      'web/site.conf': file('a'),
      'web/seccomp.json': { kind: 'private', mode: '640', size: 3 },
      'web/ro.conf': file('#!', '755'),
      'web/rw.conf': file('\0', '666'),
      'web/abs.conf': { kind: 'large', mode: '644', size: 5_000_000 },
      'web/long.conf': { kind: 'private', mode: '640', size: 3 },
      'web/data': { kind: 'folder' },
      'common.env': { kind: 'unreadable', mode: '600', size: 1 },
    }).draft;
    expect([...files].map(([path, { executable }]) => [path, executable])).toEqual([
      ['hosts/box/web/compose.yaml', false],
      ['hosts/box/web/site.conf', false],
      ['hosts/box/web/ro.conf', true],
    ]);
    expect(hostFiles.get('web')?.toSorted()).toEqual(
      ['../abs.env', '../common.env', '.env', 'db.txt', 'long.conf', 'seccomp.json'].toSorted(),
    );
    expect(notes).toEqual([
      "Left on the host as the service's own data:",
      '  rw.conf: the container writes it, and it is no text',
      '  abs.conf: 5000000 bytes',
      'Not in this stack, for they have no container: idle',
    ]);
  });

  const named = (over: Partial<NamedFile>): NamedFile => ({
    path: 'x',
    role: 'mount',
    required: false,
    readOnly: true,
    services: ['web'],
    ...over,
  });
  it.each([
    [
      'an env file, whatever it is',
      { role: 'values' as const },
      { kind: 'file' as const, mode: '644', size: 1, bytes: null },
      'host file',
    ],
    ['an optional env file that is not there', { role: 'values' as const }, { kind: 'absent' as const }, 'data'],
    [
      'a required one that is not there: plan says so',
      { role: 'values' as const, required: true },
      { kind: 'absent' as const },
      'host file',
    ],
    ['a config for everybody', { role: 'config' as const }, file('x'), 'copy'],
    ['a config that is a link: plan says so', { role: 'config' as const }, { kind: 'symlink' as const }, 'host file'],
    ['a certificate', {}, { kind: 'private' as const, mode: '640', size: 1 }, 'host file'],
    ['a key that the agent cannot read', {}, { kind: 'unreadable' as const, mode: '600', size: 1 }, 'data'],
    ['text that the container may write', { readOnly: false }, file('x'), 'copy'],
    ['a database file', { readOnly: false }, file('\0'), 'data'],
    ['bytes that it only reads', {}, file('\0'), 'copy'],
    ['what it keeps for itself', { readOnly: false }, { kind: 'private' as const, mode: '600', size: 1 }, 'data'],
    ['a folder', {}, { kind: 'folder' as const }, 'data'],
    ['a socket', {}, { kind: 'other' as const }, 'data'],
  ])('%s', (_, over, seen, fate) => {
    expect(fateOf(named(over), seen).fate).toBe(fate);
  });

  it.each([
    ['web', 'web/.env', '.env'],
    ['web', 'common.env', '../common.env'],
    ['a/b', 'a/c/x', '../c/x'],
    ['', 'x', 'x'],
    ['web', 'web/a/b', 'a/b'],
    ['web/a', 'web/a.env', '../a.env'],
  ])('from %s, %s is %s', (folder, path, relative) => expect(fromFolder(folder, path)).toBe(relative));

  it('a compose file that nobody may read, that is none, or that has too much: why, and what mends it', () => {
    const found = {
      project: 'web',
      composeFile: 'web/compose.yaml',
      services: [{ name: 'web', image: '', ended: false, managed: false }],
    };
    const why = (seen: RemoteFile) => sketchOf(found, ['web'], seen, roots);
    expect(why({ kind: 'private', mode: '600', size: 1 })).toMatchObject({
      fix: 'as root there: chmod 0644 /opt/stacks/web/compose.yaml',
    });
    expect(why({ kind: 'symlink' })).toMatchObject({ why: expect.stringContaining('symlink') });
    expect(why({ kind: 'absent' })).toMatchObject({ why: expect.stringContaining('not there') });
    expect(why(file('services: {'))).toMatchObject({ why: expect.stringMatching(/^line 1: /) });
    expect(why(file('include: [x]\nservices: {web: {image: x}}'))).toMatchObject({
      why: expect.stringContaining('include'),
    });
    expect(why(file('services: {other: {image: x}}'))).toMatchObject({
      why: expect.stringContaining('none of its services'),
    });
    const many = Array.from({ length: 1100 }, (_, n) => `      - ./f${n}:/f${n}`).join('\n');
    expect(why(file(`services:\n  web:\n    image: x\n    volumes:\n${many}\n`))).toMatchObject({
      why: expect.stringContaining('more files'),
    });
    expect(parseCompose(bytes(COMPOSE), 'c').ok).toBe(true);
  });
});
