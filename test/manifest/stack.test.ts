import { describe, expect, it } from 'vitest';
import { parseCompose } from '../../src/compose/file.js';
import { readManifests, type ServiceNeeds, wantedOf } from '../../src/manifest/load.js';
import { canonical, sha256 } from '../../src/plan/artifact.js';
import { processorTime } from '../processor.js';
import { STACK_COMPOSE, STACK_SAMPLE } from '../tools/stack-section.js';
import { type Changes, filesOf, load, MODULE, moduleText, places } from './samples.js';

const S = 'modules/immich/stack.yaml';
const STACK = `apiVersion: platformctl/v1
kind: Stack
metadata: { id: immich, description: Photos, owner: media }
spec:
  host: one
  runtime: { compose_file: compose/web.yaml, project: photos, host_files: [.env] }
  smoke: { timeout_seconds: 90, http: { url: "http://127.0.0.1:2283/" } }
  depends_on: [web]
  services:
    server: {}
    database:
      protected: true
      runtime: { compose_service: postgres, host_files: [database.env, .env] }
      smoke: { timeout_seconds: 300 }
    migrate: { smoke: { exits: 0 }, depends_on: [immich-database] }
    vpn: { id: tunnel }
    cache:
`;
const stack = (from: string, to: string): Changes => {
  if (!STACK.includes(from)) throw new Error(`${from} is not in the sample`);
  return { [S]: STACK.replace(from, to) };
};

describe('M-9 a stack is a module for each of its services', () => {
  const wanted = load({ [S]: STACK });

  it('named after stack and service, or by id', () => {
    expect(wanted.problems).toEqual([]);
    expect([...wanted.modules.keys()]).toEqual([
      'web',
      'immich-server',
      'immich-database',
      'immich-migrate',
      'tunnel',
      'immich-cache',
    ]);
    expect([...wanted.stacks]).toEqual([
      ['immich', ['immich-server', 'immich-database', 'immich-migrate', 'tunnel', 'immich-cache']],
    ]);
  });

  it('what the stack says holds for each, what a service says is its own, lists add up', () => {
    expect(wanted.modules.get('immich-database')).toEqual({
      id: 'immich-database',
      manifestPath: S,
      ownDelivery: null,
      stack: 'immich',
      description: 'Photos',
      owner: 'media',
      host: 'one',
      composeFile: 'compose/web.yaml',
      service: 'postgres',
      project: 'photos',
      delivery: 'push',
      files: [],
      hostFiles: ['.env', 'database.env'],
      smoke: {
        timeoutSeconds: 300,
        stableSeconds: null,
        http: { url: 'http://127.0.0.1:2283/', status: 200 },
        exits: null,
      },
      dependsOn: ['web'],
      protected: true,
    });
    expect(wanted.modules.get('immich-cache')).toMatchObject({
      service: 'cache',
      protected: false,
      dependsOn: ['web'],
    });
    expect(wanted.modules.get('tunnel')).toMatchObject({ id: 'tunnel', service: 'vpn' });
  });

  it('a job takes no HTTP from the stack', () => {
    expect(wanted.modules.get('immich-migrate')).toMatchObject({
      smoke: { exits: 0, http: null, timeoutSeconds: 90 },
      dependsOn: ['web', 'immich-database'],
    });
  });
});

describe('M-2, M-11 each defect at its place in stack.yaml', () => {
  it.each<[string, Changes, string[]]>([
    ['not YAML', { [S]: 'a: [' }, [`${S}:1:5 PCTL-YAML-SYNTAX`]],
    ['kind', stack('kind: Stack', 'kind: Module'), [`${S}:2:1 PCTL-VALUE`]],
    ['id is not the folder', stack('{ id: immich,', '{ id: photos,'), [`${S}:3:13 PCTL-MODULE-ID-FOLDER`]],
    ['unknown host, once', stack('host: one', 'host: on'), [`${S}:5:3 PCTL-GATE-HOST`]],
    ['a compose file that is not there, once', stack('compose/web.yaml', 'x.yaml'), [`${S}:6:14 PCTL-PATH-MISSING`]],
    ['compose_service for all', stack('project: photos', 'compose_service: x'), [`${S}:6:46 PCTL-KEY-UNKNOWN`]],
    ['no services', { [S]: STACK.slice(0, STACK.indexOf('  services')) }, [`${S}:4:1 PCTL-KEY-MISSING`]],
    [
      'services that are none',
      { [S]: `${STACK.slice(0, STACK.indexOf('  services'))}  services: {}\n` },
      [`${S}:9:3 PCTL-VALUE`],
    ],
    ['a key of all, of one service', stack('server: {}', 'server: { host: two }'), [`${S}:10:15 PCTL-KEY-UNKNOWN`]],
    ['a typo of one service', stack('protected: true', 'protectd: true'), [`${S}:12:7 PCTL-KEY-UNKNOWN`]],
    ['a service that is no mapping', stack('server: {}', 'server: 3'), [`${S}:10:5 PCTL-TYPE`]],
    [
      "a service's smoke",
      stack('smoke: { timeout_seconds: 300 }', 'smoke: { timeout_seconds: 5 }'),
      [`${S}:14:16 PCTL-SMOKE-TIMEOUT`],
    ],
    [
      'smoke of all, told once',
      stack('timeout_seconds: 90', 'timeout_seconds: 90, stable_seconds: 95'),
      [`${S}:7:12 PCTL-SMOKE-TIMEOUT`],
    ],
    [
      'smoke of all that counts for none as it stands',
      {
        [S]: STACK.replace('timeout_seconds: 90, ', 'stable_seconds: 130, ')
          .replace(/smoke: \{ (exits|timeout)/g, '$&')
          .replace('server: {}', 'server: { smoke: { timeout_seconds: 140 } }')
          .replace('vpn: {', 'vpn: { smoke: { timeout_seconds: 140 },')
          .replace('cache:', 'cache: { smoke: { timeout_seconds: 140 } }')
          .replace('exits: 0', 'exits: 0, timeout_seconds: 140'),
      },
      [],
    ],
    ["a service's host file", stack('[database.env, .env]', '[../../../x]'), [`${S}:13:58 PCTL-PATH`]],
    ['a host file of all', stack('host_files: [.env]', 'host_files: [.env, .env]'), [`${S}:6:82 PCTL-HOST-FILE-TWICE`]],
    [
      'a hook of one service',
      stack('server: {}', 'server: { pre_apply: [x] }'),
      [`${S}:10:15 PCTL-NOT-BUILT-PRE-APPLY`],
    ],
    [
      'secrets of all',
      stack('  services:', '  secrets: [{ file: a, from: b }]\n  services:'),
      [`${S}:9:3 PCTL-NOT-BUILT-SECRETS`],
    ],
    ['an unknown module', stack('depends_on: [web]', 'depends_on: [wep]'), [`${S}:8:16 PCTL-DEPENDS-UNKNOWN`]],
    [
      'all depend on one of them',
      stack('depends_on: [web]', 'depends_on: [tunnel]'),
      [`${S}:8:16 PCTL-DEPENDS-CIRCLE`],
    ],
    [
      'one depends on itself',
      stack('server: {}', 'server: { depends_on: [immich-server] }'),
      [`${S}:10:28 PCTL-DEPENDS-CIRCLE`],
    ],
    [
      'a circle with a module of its own',
      { [S]: STACK, 'modules/web/module.yaml': moduleText('web', '  depends_on: [immich-cache]\n') },
      [`${S}:17:5 PCTL-DEPENDS-CIRCLE`],
    ],
    ['a service whose name gives no id', stack('server: {}', 'the.server: {}'), [`${S}:10:5 PCTL-MODULE-ID`]],
    ['an id that is none', stack('id: tunnel', 'id: the.tunnel'), [`${S}:16:12 PCTL-MODULE-ID`]],
    ['two services of one id', stack('cache:', 'cache: { id: tunnel }'), [`${S}:17:14 PCTL-MODULE-ID-TWICE`]],
    ['ids that differ in case', stack('cache:', 'cache: { id: Tunnel }'), [`${S}:16:12 PCTL-MODULE-ID-CASE`]],
    [
      'a service with the id of a module',
      { ...stack('id: tunnel', 'id: zoo'), 'modules/zoo/module.yaml': moduleText('zoo') },
      [`${S}:16:12 PCTL-MODULE-ID-TWICE`],
    ],
    ['a service with the id of its stack', stack('id: tunnel', 'id: immich'), [`${S}:16:12 PCTL-MODULE-ID-TWICE`]],
    [
      'a module with the id that a service gets',
      { [S]: STACK, 'modules/immich-cache/module.yaml': moduleText('immich-cache') },
      [`${S}:17:5 PCTL-MODULE-ID-TWICE`],
    ],
    [
      'module.yaml and stack.yaml in one folder',
      { [S]: STACK, 'modules/immich/module.yaml': moduleText('immich') },
      [`${S}:3:13 PCTL-MODULE-ID-TWICE`],
    ],
    ['stack.yaml is a symlink (M-4)', { [S]: { text: 'x', mode: '120000' } }, [`${S}:1:1 PCTL-PATH-SYMLINK`]],
    ['larger than is read (M-3)', { [S]: `# ${'x'.repeat(1024 * 1024)}` }, [`${S}:1:1 PCTL-YAML-SIZE`]],
  ])('%s', (_, changes, expected) => {
    expect(places(load(changes).problems)).toEqual(expected);
  });

  it('modules depend on modules, and the hint names those of a stack', () => {
    const { problems } = load({
      [S]: STACK.replace('  depends_on: [web]\n', ''),
      'modules/web/module.yaml': `${MODULE}  depends_on: [immich]\n`,
    });
    expect(problems).toMatchObject([
      {
        code: 'PCTL-DEPENDS-UNKNOWN',
        hint: 'immich is a stack: name its modules, such as immich-server, immich-database, immich-migrate',
      },
    ]);
  });

  it('what a stack that cannot be read may have is no second problem of those who depend on it', () => {
    const changes = { [S]: 'a: [', 'modules/web/module.yaml': `${MODULE}  depends_on: [immich-server]\n` };
    expect(places(load(changes).problems)).toEqual([`${S}:1:5 PCTL-YAML-SYNTAX`]);
  });

  it('hostile (M-3): thousands of services with lists of thousands end in time', () => {
    const many = Array.from({ length: 2_000 }, (_, at) => `    s${at}: { runtime: { files: [a] } }`).join('\n');
    const shared = `runtime: { compose_file: compose/web.yaml, files: [${'x,'.repeat(5_000)}] }`;
    const took = processorTime();
    const { problems } = load({
      [S]: `${STACK.slice(0, STACK.indexOf('  runtime'))}  ${shared}\n  services:\n${many}\n`,
    });
    expect(took()).toBeLessThan(5_000);
    expect(problems.map(({ code }) => code)).toContain('PCTL-VALUE');
  });
});

describe('M-9 depends_on is taken over from the compose file', () => {
  const taken = (needs: Record<string, readonly string[]>, changes: Changes = { [S]: STACK }) => {
    const files = filesOf(changes);
    const read = readManifests({
      entries: [...files].map(([path, { mode }]) => ({ path, mode })),
      bytes: new Map([...files].map(([path, { text }]) => [path, new TextEncoder().encode(text)])),
    });
    const all: ServiceNeeds = new Map([['compose/web.yaml', new Map(Object.entries(needs))]]);
    return wantedOf(read, all);
  };

  it('services of the same stack, as modules, beside what is declared; nobody else', () => {
    const { modules, problems } = taken({
      server: ['postgres', 'cache', 'web', 'unknown', 'server'],
      migrate: ['postgres', 'cache'],
      vpn: ['server'],
      web: ['server'],
    });
    expect(problems).toEqual([]);
    expect(modules.get('immich-server')?.dependsOn).toEqual(['web', 'immich-database', 'immich-cache']);
    expect(modules.get('immich-migrate')?.dependsOn).toEqual(['web', 'immich-database', 'immich-cache']);
    expect(modules.get('tunnel')?.dependsOn).toEqual(['web', 'immich-server']);
    expect(modules.get('web')?.dependsOn).toEqual([]);
  });

  it('a circle of declared and taken over ones is refused at the service', () => {
    expect(places(taken({ postgres: ['migrate'] }).problems)).toEqual([`${S}:11:5 PCTL-DEPENDS-CIRCLE`]);
    expect(places(taken({ server: ['vpn'], vpn: ['cache'], cache: ['server'] }).problems)).toEqual([
      `${S}:17:5 PCTL-DEPENDS-CIRCLE`,
    ]);
  });
});

describe('what a module of a stack declares', () => {
  const digest = (text: string, id: string): string => sha256(canonical(load({ [S]: text }).declared({ id })));

  it('is the module.yaml that it would have', () => {
    const { declared } = load({ [S]: STACK });
    expect(declared({ id: 'web' })).toBeUndefined();
    expect(declared({ id: 'immich-migrate' })).toEqual({
      apiVersion: 'platformctl/v1',
      kind: 'Module',
      metadata: { id: 'immich-migrate', description: 'Photos', owner: 'media' },
      spec: {
        host: 'one',
        runtime: {
          compose_file: 'compose/web.yaml',
          compose_service: 'migrate',
          project: 'photos',
          host_files: ['.env'],
        },
        smoke: { timeout_seconds: 90, exits: 0 },
        depends_on: ['web', 'immich-database'],
      },
    });
  });

  it.each([
    ["a neighbour's part", 'protected: true', 'protected: false'],
    ['a new neighbour', '    cache:\n', '    cache:\n    more: {}\n'],
    ['a comment', '  services:', '  # all of them\n  services:'],
  ])('%s changes nothing in it', (_, from, to) => {
    expect(digest(STACK.replace(from, to), 'immich-server')).toBe(digest(STACK, 'immich-server'));
    expect(STACK.replace(from, to)).not.toBe(STACK);
  });

  it.each([
    ['its own part', 'server: {}', 'server: { protected: true }'],
    ['what all share', 'timeout_seconds: 90', 'timeout_seconds: 91'],
  ])('%s changes it', (_, from, to) => {
    expect(digest(STACK.replace(from, to), 'immich-server')).not.toBe(digest(STACK, 'immich-server'));
  });
});

it('the sample of docs/modules.md is a valid stack', () => {
  const { problems, modules } = load({
    [S]: STACK_SAMPLE.replace('rs2000', 'one'),
    'modules/immich/compose.yaml': STACK_COMPOSE,
  });
  expect(problems).toEqual([]);
  const parsed = parseCompose(new TextEncoder().encode(STACK_COMPOSE), 'modules/immich/compose.yaml');
  expect(parsed.ok && [...parsed.file.services.keys()].sort()).toEqual(
    [...modules.values()].flatMap(({ stack, service }) => (stack === null ? [] : service)).sort(),
  );
});
