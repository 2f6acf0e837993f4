import { describe, expect, it } from 'vitest';
import { alsoAffected } from '../../src/compose/affected.js';
import { references } from '../../src/compose/references.js';
import { composed } from './setup.js';

const of = (service: object, top: object = {}) =>
  references(composed({ services: { app: { image: 'a:1', ...service }, other: { image: 'a:1' } }, ...top }), 'app');

describe('P-15: files', () => {
  it('env files in all notations', () => {
    const plain = (service: object) => of(service).envFiles.map(({ path, required }) => [path, required]);
    expect(plain({ env_file: '.env' })).toEqual([['.env', true]]);
    expect(plain({ env_file: ['a', { path: 'b', required: false }, { path: '${X}.env' }] })).toEqual([
      ['a', true],
      ['b', false],
      ['${X}.env', true],
    ]);
    expect(plain({})).toEqual([]);
  });

  it('configs, secrets, seccomp and relative mounts, as written', () => {
    const { files, configs, secrets, volumes } = of(
      {
        configs: ['c', { source: 'd' }],
        secrets: ['s'],
        security_opt: ['seccomp=./p.json', 'seccomp=unconfined'],
        volumes: [
          './a:/a',
          '../b:/b:ro',
          '/etc/localtime:/t',
          'data:/d',
          '${X}:/x',
          './${X:-q:r}/y:/y',
          '~/z:/z',
          { type: 'bind', source: 'long', target: '/l' },
        ],
      },
      {
        configs: { c: { file: 'c.conf' }, d: { content: 'x' }, e: { file: 'unused' } },
        secrets: { s: { file: './${S}' } },
        volumes: { data: {}, unused: {} },
      },
    );
    expect(files.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'config c.conf',
      'secret ./${S}',
      'seccomp ./p.json',
      'mount ./a',
      'mount ../b',
      'mount ./${X:-q:r}/y',
      'mount long',
    ]);
    // `${X}:/x` may be any volume.
    expect([configs, secrets, volumes]).toEqual([['c', 'd'], ['s'], ['data', 'unused']]);
  });
});

describe('P-12: variables', () => {
  it('of its own definition and what it reaches, with and without a default', () => {
    const { variables } = of(
      {
        environment: { A: '$A', B: '${B:-x${N}}', C: null, PLAIN: 'x' },
        labels: ['l=${D?gone} $$E ${F+1}'],
        networks: ['net'],
        configs: ['c'],
        'x-note': '${UNSEEN}',
        command: 'run ${A:-1}',
      },
      { networks: { net: { name: '${G}' }, far: { name: '${H}' } }, configs: { c: { environment: 'I' } } },
    );
    expect(variables.map(({ name, required }) => `${name}${required ? '!' : ''}`)).toEqual([
      'A!',
      'B',
      'C',
      'D!',
      'F',
      'G!',
      'I!',
      'N',
    ]);
  });
});

describe('X-12, V-1, P-14', () => {
  it.each([
    ['90s', 90],
    ['1m30s', 90],
    ['1h', 3600],
    ['500ms', 1],
    ['soon', 10],
    [undefined, 10],
    ['99999h', 86400],
  ])('stop_grace_period %s is %i s', (text, expected) => {
    expect(of({ stop_grace_period: text }).stopGraceSeconds).toBe(expected);
  });
  it.each([
    [{ test: ['CMD', 'x'] }, true],
    [{ test: 'x' }, true],
    [{ interval: '1s' }, true],
    [{ disable: true }, false],
    [{ test: ['NONE'] }, false],
    [{ test: 'NONE' }, false],
    [undefined, false],
  ])('healthcheck %j: %s', (healthcheck, expected) => {
    expect(of({ healthcheck }).hasHealthcheck).toBe(expected);
  });
  it('restart, depends_on and namespaces', () => {
    expect(
      of({ restart: 'no', depends_on: ['other'], network_mode: 'service:other', ipc: 'service:other' }),
    ).toMatchObject({
      restart: 'no',
      dependsOn: [{ service: 'other', condition: 'service_started' }],
      namespacesOf: ['other'],
      networks: [],
    });
    expect(of({ depends_on: { other: { condition: 'service_healthy' } } }).dependsOn).toEqual([
      { service: 'other', condition: 'service_healthy' },
    ]);
  });
  it('P-14: who loses a namespace, and what is not run', () => {
    const file = composed({
      services: {
        gluetun: {
          image: 'g:1',
          depends_on: { init: { condition: 'service_completed_successfully' }, db: { condition: 'service_healthy' } },
        },
        qbit: { image: 'q:1', network_mode: 'service:gluetun' },
        spy: { image: 's:1', pid: 'service:gluetun' },
        maybe: { image: 'm:1', ipc: '${I:-service:gluetun}' },
        db: { image: 'd:1' },
        init: { image: 'i:1' },
      },
    });
    expect(alsoAffected(file, 'gluetun')).toEqual([
      { service: 'init', why: 'gluetun depends on its completion, and it is not run' },
      ...['maybe', 'qbit', 'spy'].map((service) => ({
        service,
        why: 'lives in a namespace of gluetun and loses it when gluetun is recreated',
      })),
    ]);
    expect(alsoAffected(file, 'qbit')).toEqual([]);
  });
});
