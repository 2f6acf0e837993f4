import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../../src/adapters/environment/env-file.js';
import { environmentOf } from '../../../src/adapters/environment/environment.js';

function make(variables: Record<string, string>, envFile?: string) {
  const warnings: string[] = [];
  const hidden: string[] = [];
  const environment = environmentOf({
    variables,
    ...(envFile === undefined ? {} : { envFile: { path: '.env', text: envFile } }),
    hide: (secret) => void hidden.push(secret.reveal()),
    warn: (message) => void warnings.push(message),
  });
  return { environment, warnings, hidden };
}

describe('what is read (M-6)', () => {
  it.each([
    'PLATFORMCTL_PHASE',
    'HOME',
    'PATH',
    'XDG_CONFIG_HOME',
    'LC_ALL',
    'SSH_AUTH_SOCK',
    'DOCKER_CONFIG',
    'GITHUB_ACTIONS',
    'FORGEJO_OUTPUT',
    'CI',
    'NO_COLOR',
  ])('%s', (name) => {
    expect(make({ [name]: 'x' }).environment.get(name)).toBe('x');
  });

  it.each([
    'DOCKER_HOST',
    'GIT_DIR',
    'GIT_SSH_COMMAND',
    'NODE_OPTIONS',
    'LD_PRELOAD',
    'COMPOSE_FILE',
    'HTTPS_PROXY',
    'GITHUB_TOKEN',
    'USER',
    'platformctl_phase',
  ])('not %s', (name) => {
    const { environment } = make({ [name]: 'x' });
    expect(environment.get(name)).toBeUndefined();
    expect(environment.childEnvironment()).toEqual({});
  });

  it('P-12 DOCKER_CONFIG is for hosts of transport local, not for git', () => {
    expect(make({ DOCKER_CONFIG: '/d', HOME: '/h' }).environment.childEnvironment()).toEqual({ HOME: '/h' });
  });

  it('a secret is registered, and withheld from children from then on', () => {
    const { environment, hidden } = make({ GITHUB_SHA: 'abc', PLATFORMCTL_SSH_KEY: 'key', HOME: '/h' });
    expect(environment.secret('PLATFORMCTL_SSH_KEY')?.reveal()).toBe('key');
    expect(environment.childEnvironment()).toEqual({ GITHUB_SHA: 'abc', HOME: '/h' });
    environment.source('GITHUB_SHA');
    expect(environment.childEnvironment()).toEqual({ HOME: '/h' });
    expect(hidden).toEqual(['key', 'abc']);
  });

  it('a source may have any name in the environment itself', () => {
    const { environment } = make({ OPENAI_KEY: 'k' });
    expect(environment.source('OPENAI_KEY')?.source).toBe('env:OPENAI_KEY');
    expect(environment.secret('OPENAI_KEY')).toBeUndefined();
  });
});

describe('--env-file (M-6)', () => {
  const FILE =
    'PLATFORMCTL_A=1\nPLATFORMCTL_PHASE=06\nPATH=/evil\nHOME=/evil\nOPENAI_KEY=sk-1\nDATABASE_URL=pg\nLD_PRELOAD=x\nGIT_DIR=x\n';

  it('only PLATFORMCTL_ keys, never the phase; the rest is named once, without values', () => {
    const { environment, warnings } = make({ PATH: '/bin', PLATFORMCTL_B: 'env' }, `${FILE}PLATFORMCTL_B=file\n`);
    environment.admit({ prefixes: [], names: [] });
    environment.admit({ prefixes: [], names: [] });
    expect(
      ['PLATFORMCTL_A', 'PLATFORMCTL_B', 'PLATFORMCTL_PHASE', 'PATH', 'HOME', 'OPENAI_KEY'].map(environment.get),
    ).toEqual(['1', 'env', undefined, '/bin', undefined, undefined]);
    expect(warnings).toMatchInlineSnapshot(`
      [
        ".env: skipped DATABASE_URL, GIT_DIR, HOME, LD_PRELOAD, OPENAI_KEY, PATH, PLATFORMCTL_PHASE: only PLATFORMCTL_* is taken, and what env_file in config.yaml admits",
      ]
    `);
    expect(environment.childEnvironment()).toEqual({ PATH: '/bin' });
  });

  it('where no config was read the skipped keys are named at the end, once', () => {
    const { environment, warnings } = make({}, FILE);
    environment.settle();
    environment.settle();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('OPENAI_KEY');
    const second = make({}, FILE);
    second.environment.admit({ prefixes: ['OPENAI_'], names: [] });
    second.environment.settle();
    expect(second.warnings).toHaveLength(1);
    expect(second.warnings[0]).not.toContain('OPENAI_KEY');
    expect(second.environment.source('OPENAI_KEY')).toBeDefined();
  });

  it('whoever hides secrets from the start knows those of the env file too', () => {
    const { environment } = make({ PLATFORMCTL_B: 'x', HOME: '/h' }, FILE);
    expect([...environment.ours()].sort()).toEqual(['PLATFORMCTL_A', 'PLATFORMCTL_B']);
  });

  it('config.yaml admits more, as sources only, and never what could steer programs', () => {
    const { environment, warnings } = make({}, FILE);
    environment.admit({
      prefixes: ['OPENAI_', 'P', 'LD_'],
      names: ['DATABASE_URL', 'PATH', 'GIT_DIR', 'PLATFORMCTL_PHASE'],
    });
    expect(environment.source('OPENAI_KEY')?.reveal()).toBe('sk-1');
    expect(environment.source('DATABASE_URL')?.reveal()).toBe('pg');
    for (const name of ['PATH', 'HOME', 'LD_PRELOAD', 'GIT_DIR', 'PLATFORMCTL_PHASE'])
      expect(environment.source(name), name).toBeUndefined();
    expect(environment.get('OPENAI_KEY')).toBeUndefined();
    expect(environment.childEnvironment()).toEqual({});
    expect(warnings[0]).not.toMatch(/sk-1|pg|evil/);
    expect(warnings[0]).not.toContain('OPENAI_KEY');
  });

  it.each([
    ['A=1', { A: '1' }],
    ['export A=1', { A: '1' }],
    ['  A = b c  # comment', { A: 'b c' }],
    ['A=b#c', { A: 'b#c' }],
    ['A="b # c"', { A: 'b # c' }],
    ["A='x\\n$B'", { A: 'x\\n$B' }],
    ['A="x\\ny"', { A: 'x\ny' }],
    ['A="l1\nl2"\nB=1', { A: 'l1\nl2', B: '1' }],
    ['A="open\nB=1', {}],
    ['A=\r\nB=2\r\n', { A: '', B: '2' }],
    ['1A=x\nnot a line\n# A=1\n', {}],
    ['__proto__=x', { ['__proto__']: 'x' }],
    ['A=1\nA=2', { A: '2' }],
  ])('%j', (text, expected) => {
    expect(parseEnvFile(text).lines.map(({ name, value }) => [name, value])).toEqual(Object.entries(expected));
  });
});
