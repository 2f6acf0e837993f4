import { describe, expect, it } from 'vitest';
import { type UpOptions, upArgv } from '../../src/compose/argv.js';

const UP: UpOptions = {
  remoteRoot: '/opt/stacks',
  composeFile: 'core/compose.yaml',
  project: 'core',
  service: 'redis',
  envFile: 'real',
  forceRecreate: false,
};

describe('X-2: exactly the declared service', () => {
  it.each<[string, Partial<UpOptions>, string]>([
    ['plain', {}, 'docker compose -f /opt/stacks/core/compose.yaml -p core up -d --no-deps --pull never redis'],
    [
      'with an empty .env and force',
      { envFile: 'none', forceRecreate: true },
      'docker compose --env-file /dev/null -f /opt/stacks/core/compose.yaml -p core up -d --no-deps --pull never --force-recreate redis',
    ],
    [
      'B-1: back to an image',
      { override: '/r/image.yaml' },
      'docker compose -f /opt/stacks/core/compose.yaml -f /r/image.yaml -p core up -d --no-deps --pull never redis',
    ],
    [
      'B-1: from a kept release',
      { composeFileAbsolute: '/r/compose.yaml', projectDirectory: '/opt/stacks/core' },
      'docker compose --project-directory /opt/stacks/core -f /r/compose.yaml -p core up -d --no-deps --pull never redis',
    ],
  ])('%s', (_, options, expected) => {
    expect(upArgv({ ...UP, ...options }).join(' ')).toBe(expected);
  });
  it.each<Partial<UpOptions>>([
    { service: '-x' },
    { service: '' },
    { service: 'a\nb' },
    { project: '--help' },
    { composeFile: '-f' },
    { composeFile: '../x' },
    { remoteRoot: 'x' },
    { remoteRoot: '-x' },
    { override: '-x' },
    { override: 'x' },
    { projectDirectory: '../x' },
    { composeFileAbsolute: '/a/../b' },
    { service: 'a\0b' },
  ])('refuses %j', (options) => {
    expect(() => upArgv({ ...UP, ...options })).toThrow(
      expect.objectContaining({ code: 'PCTL-COMPOSE-ARGUMENT', exit: 4 }),
    );
  });
});
