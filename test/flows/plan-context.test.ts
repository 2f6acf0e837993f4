/** What makes a plan of the work tree dirty (M-4). */
import { describe, expect, it } from 'vitest';
import { isDirty } from '../../src/flows/plan-context.js';

const module = {
  composeFile: 'web/compose.yaml',
  manifestPath: 'modules/web/module.yaml',
  files: ['web/extra'],
  hostFiles: ['secret.env', 'conf/host.d'],
};
const one = {
  module,
  host: { repoRoot: '' },
  references: {
    envFiles: [{ path: 'app.env', required: false }],
    files: [{ path: './conf', kind: 'mount' }],
  },
} as unknown as Parameters<typeof isDirty>[1];
const files = [
  { path: 'web/compose.yaml', source: 'commit' },
  { path: 'web/conf/a', source: 'commit' },
  { path: 'web/secret.env', source: 'host' },
] as unknown as Parameters<typeof isDirty>[2];

describe('M-4: a plan is dirty', () => {
  it.each([
    ['its compose file', 'web/compose.yaml'],
    ['its manifest', 'modules/web/module.yaml'],
    ['a mounted file', 'web/conf/a'],
    ['a file of a mounted folder that is gone on disk', 'web/conf/b'],
    ['an optional env file that is gone', 'web/app.env'],
    ['.env that is gone', 'web/.env'],
    ['a further file that is gone', 'web/extra'],
  ])('where %s differs from HEAD', (_what, path) => {
    expect(isDirty(['another', path], one, files)).toBe(true);
  });

  it.each([
    ['the file of another module', 'api/compose.yaml'],
    ['a name that only begins like one of its own', 'web/conf.bak/a'],
    ['a local copy of a host file, which no plan takes from here', 'web/secret.env'],
    ['a file of a host folder', 'web/conf/host.d/x'],
  ])('but not for %s', (_what, path) => {
    expect(isDirty([path], one, files)).toBe(false);
  });
});
