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

function draft(seen: Record<string, RemoteFile>, compose = COMPOSE, repoHas: (path: string) => boolean = () => false) {
  const found = {
    project: 'web',
    composeFile: 'web/compose.yaml',
    services: [{ name: 'web', image: 'x:1', ended: false, managed: false }],
  };
  const sketch = sketchOf(found, ['web'], file(compose), roots);
  if ('why' in sketch) throw new Error(sketch.why);
  return { sketch, draft: draftOf(sketch, new Map(Object.entries(seen)), roots, repoHas) };
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
    unread: false,
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

  const MOUNTS = (...sources: string[]): string =>
    `services:\n  web:\n    image: x:1\n    volumes: [${sources.map((source, n) => `"${source}:/m${n}"`).join(', ')}]\n`;

  it('M-8 an env file that is mounted is never read, by its name or because compose has it as one anywhere', () => {
    const compose = `${MOUNTS('./backend/.env', './prod.env', './.env.local', './worker.vars', './db.txt', './app.conf', './venv', './x.env')}  worker:
    image: x:1
    env_file: worker.vars
    secrets: [db]
secrets: {db: {file: ./db.txt}}
`;
    const look = (mode: string): RemoteFile => ({ kind: 'file', mode, size: 1, bytes: null });
    const { sketch, draft: made } = draft(
      {
        'web/backend/.env': look('644'),
        'web/prod.env': look('644'),
        'web/.env.local': look('644'),
        'web/worker.vars': look('644'),
        'web/db.txt': look('644'),
        'web/app.conf': file('a'),
        'web/venv': { kind: 'folder' },
        'web/x.env': { kind: 'folder' },
      },
      compose,
    );
    const read = sketch.named.filter(({ unread }) => !unread).map(({ path }) => path);
    expect(read).toEqual(['web/app.conf', 'web/venv']);
    expect([...made.files.keys()]).toEqual(['hosts/box/web/compose.yaml', 'hosts/box/web/app.conf']);
    expect(made.hostFiles.get('web')).toEqual(['backend/.env', 'prod.env', '.env.local', 'worker.vars', 'db.txt']);
    expect(made.unreadable.get('web')).toEqual([]);
  });

  it('M-8 a private key, or any other secret in plain, is a host file, and stack.yaml says why', () => {
    const key = '-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n';
    const seen = {
      'web/tls/privkey.pem': file(key),
      'web/tls/cert.pem': file('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
      'web/app.yml': file('a: 1\npassword: hunter22\n'),
    };
    const compose = MOUNTS('./tls/privkey.pem', './tls/cert.pem', './app.yml');
    const { files, hostFiles, notes, warnings } = draft(seen, compose).draft;
    expect([...files.keys()]).toEqual(['hosts/box/web/compose.yaml', 'hosts/box/web/tls/cert.pem']);
    expect(hostFiles.get('web')).toEqual(['tls/privkey.pem', 'app.yml']);
    expect(notes).toEqual([
      'Left on the host as host_files, for by their look they hold a secret:',
      '  tls/privkey.pem: line 1',
      '  app.yml: line 2',
    ]);
    expect(warnings).toEqual([]);
    // What the repo has already gets no better by being left out.
    expect(draft(seen, compose, (path) => path.endsWith('app.yml')).draft.hostFiles.get('web')).toEqual([
      'tls/privkey.pem',
    ]);
  });

  it('O-3 a password in the compose file itself, which cannot stay on the host, is told', () => {
    const environment = (value: string) =>
      `services:\n  web:\n    image: x:1\n    environment:\n      DB_PASSWORD: ${value}\n`;
    expect(draft({}, environment('hunter22')).draft.warnings).toEqual([
      expect.stringMatching(/^hosts\/box\/web\/compose\.yaml, line 5: .*secret/),
    ]);
    expect(draft({}, environment('${DB_PASSWORD}')).draft.warnings).toEqual([]);
  });

  it.each([
    ['', true],
    ['restart: "no"', true],
    ['restart: always', false],
    ['ports: ["80:80"]', false],
    ['expose: ["80"]', false],
    ['healthcheck: {test: ["CMD", "true"]}', false],
  ])('M-9 what had ended well and has %j is a job: %j, and stack.yaml says so', (more, job) => {
    const found = {
      project: 'web',
      composeFile: 'web/compose.yaml',
      services: [{ name: 'web', image: 'x:1', ended: true, managed: false }],
    };
    const text = `services:\n  web:\n    image: x:1\n    ${more}\n`;
    const sketch = sketchOf(found, ['web'], file(text), roots);
    if ('why' in sketch) throw new Error(sketch.why);
    expect(sketch.services[0]?.job).toBe(job);
    expect(draftOf(sketch, new Map(), roots, () => false).notes).toEqual(
      job ? ['Had ended with 0, so taken for a job: web. Remove smoke.exits of a server'] : [],
    );
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
