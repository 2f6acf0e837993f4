import { describe, expect, it } from 'vitest';
import { backCommand } from '../../src/execute/back.js';
import type { Status } from '../../src/manifest/types.js';
import { containerFixture, observationFixture, planFixture, statusFixture } from '../fixtures/plans.js';

const hex = (letter: string): string => letter.repeat(64);
const file = (path: string, digest: string) =>
  [path, { kind: 'file' as const, mode: '0644', uid: 1000, digest, keyed: null }] as const;
const DOTENV = { path: 'core/.env', source: 'commit', role: 'dotenv', sha256: hex('6'), keyed: null, mode: '0644' };
const TREE = `/opt/platform/.platform/releases/web/${hex('c')}/tree/core`;

describe('B-1 what was there before is made from what it was made from', () => {
  const status = statusFixture();
  const withDotenv = statusFixture({ files: [...status.files, DOTENV as Status['files'][number]] });
  const back = (compose: string, dotenv?: string, members: Parameters<typeof observationFixture>[0] = {}) =>
    backCommand(
      planFixture(),
      observationFixture({
        status: dotenv === undefined ? status : withDotenv,
        files: new Map([
          file('core/compose.yaml', compose),
          ...(dotenv === undefined ? [] : [file('core/.env', dotenv)]),
        ]),
        ...members,
      }),
      '/run/override.json',
      'running',
    );
  const REAL = ['-f', '/opt/platform/core/compose.yaml', '-f', '/run/override.json', '-p', 'core'];
  const KEPT = ['-f', `${TREE}/compose.yaml`, '-f', '/run/override.json', '-p', 'core'];

  it('the files on the host, where they are those of the last apply: this run puts them back', () => {
    expect(back(hex('7')).slice(2, -7)).toEqual(['--env-file', '/dev/null', ...REAL]);
    expect(back(hex('7'), hex('6')).slice(2, -7)).toEqual(REAL);
  });

  it('the kept release, where another module brought a newer compose file or .env since', () => {
    const folder = ['--project-directory', '/opt/platform/core'];
    expect(back(hex('0')).slice(2, -7)).toEqual([...folder, '--env-file', '/dev/null', ...KEPT]);
    expect(back(hex('7'), hex('0')).slice(2, -7)).toEqual(['--env-file', `${TREE}/.env`, ...REAL]);
  });

  it('the files on the host, where somebody made the container from them by hand', () => {
    const containers = [containerFixture({ configHash: hex('0') })];
    expect(back(hex('0'), undefined, { containers }).slice(2, -7)).toEqual(['--env-file', '/dev/null', ...REAL]);
  });
});
