import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expandHome,
  isBeneath,
  joinRepoPath,
  normalise,
  repoPathFlaw,
  sacredReason,
} from '../../src/manifest/paths.js';

describe('normalise (G-5)', () => {
  it.each([
    ['/', '/'],
    ['//', '/'],
    ['/opt//platform/', '/opt/platform'],
    ['/opt/./platform/../x', '/opt/x'],
    ['/../../etc', '/etc'],
    ['/Opt', '/Opt'],
    ['relative', null],
    ['', null],
    ['~/x', null],
    ['/a\0b', null],
    ['/a\nb', null],
    ['/a\u009bb', null],
  ])('%j is %j', (path, clean) => {
    expect(normalise(path)).toBe(clean);
  });

  it('has no . or .. left, and stays as it is', () => {
    const path = fc.array(fc.constantFrom('a', '.', '..', '', 'etc', 'b.c')).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(path, (text) => {
        const clean = normalise(text)!;
        expect(
          clean
            .split('/')
            .slice(1)
            .some((part) => part === '.' || part === '..'),
        ).toBe(false);
        expect(normalise(clean)).toBe(clean);
      }),
    );
  });
});

describe('sacred paths (G-5)', () => {
  const SACRED = [
    '/',
    '//',
    '/bin',
    '/bin/sh',
    '/boot',
    '/dev/sda',
    '/etc',
    '/etc/',
    '/etc/passwd',
    '/opt/../etc/x',
    '/lib',
    '/lib64',
    '/lib32/x',
    '/libexec',
    '/proc/1',
    '/root',
    '/root/x',
    '/run',
    '/run/docker.sock',
    '/sbin',
    '/sys',
    '/usr/local/x',
    '/var/lib/docker',
    '/var/lib/docker/volumes/x',
    '/var/lib/containerd',
    '/var/run/docker.sock',
    '/var/spool/cron',
    '/home/a/.ssh',
    '/home/a/.ssh/id',
    '/home/a/.gnupg',
    '/srv/x/.git/hooks',
    '/opt/platform/.platform/state',
    '/var',
    '/var/lib',
    '/srv/backup/x',
    '/srv',
    'etc',
    '/a\0',
    '',
  ];
  it.each(SACRED)('%j is', (path) => {
    expect(sacredReason(path, ['/srv/backup/'])).toEqual(expect.any(String));
  });

  it.each([
    '/opt/platform',
    '/srv/other',
    '/home/a/x',
    '/opt/etc',
    '/opt/lib',
    '/mnt/media',
    '/var/lib/dockerish',
    '/etcetera',
    '/srv/backups',
    '/opt/.github',
    '/Etc',
  ])('%j is not', (path) => {
    expect(sacredReason(path, ['/srv/backup'])).toBe(null);
  });

  it('no way of writing a sacred path gets around it', () => {
    const noise = fc.array(fc.constantFrom('', '.', 'x/..'), { maxLength: 4 });
    fc.assert(
      fc.property(
        noise,
        fc.constantFrom('etc', 'usr', 'root', 'sys'),
        fc.string({ unit: fc.constantFrom('a', 'b', '.') }),
        (parts, name, tail) => {
          fc.pre(!tail.split('/').includes('..'));
          expect(sacredReason(`/${[...parts, name, tail].join('/')}`)).toEqual(expect.any(String));
        },
      ),
    );
  });
});

describe('repo paths (M-4)', () => {
  it.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a/..',
    '~/x',
    '~',
    'a//b',
    'a/./b',
    '-x',
    'a\nb',
    'a\\b',
    '$HOME/x',
  ])('%j is refused', (path) => {
    expect(repoPathFlaw(path)).toEqual(expect.any(String));
  });
  it.each(['a', './a', 'a/b.yaml', 'a b/c', '.env', 'a/', 'a..b/c'])('%j may be', (path) => {
    expect(repoPathFlaw(path)).toBe(null);
  });
  it('joins within the root only', () => {
    expect(joinRepoPath('a/b', '../c')).toBe('a/c');
    expect(joinRepoPath('a', '../../c')).toBe(null);
    expect(joinRepoPath('', './c')).toBe('c');
  });
  it('~/ is the home, where one is known', () => {
    expect(expandHome('~/.ssh/id', '/home/a')).toBe('/home/a/.ssh/id');
    expect(['~a/x', '/x', 'x/~/y', '~'].map((path) => expandHome(path, '/home/a'))).toEqual([
      '~a/x',
      '/x',
      'x/~/y',
      '~',
    ]);
    expect(expandHome('~/x', undefined)).toBe('~/x');
  });
  it('beneath is by whole names', () => {
    expect(isBeneath('a/b', 'a')).toBe(true);
    expect(isBeneath('ab', 'a')).toBe(false);
    expect(isBeneath('a', '')).toBe(true);
  });
});
