import { describe, expect, it } from 'vitest';
import { changedKeys, volumesOrNetworksChanged } from '../../src/compose/diff.js';
import { composed } from './setup.js';

const file = (service: object, top: object = {}) =>
  composed({ services: { app: { image: 'a:1', ...service } }, ...top });

describe('P-4, P-6: names of the keys that changed', () => {
  it.each<[string, object, object, string[]]>([
    ['nothing', { environment: { A: 1 } }, { environment: { A: 1 } }, []],
    [
      'a map and a list of the same',
      { environment: { A: 1, B: null }, labels: ['x=y'], sysctls: { 'net.a': 1 } },
      { environment: ['A=1', 'B'], labels: { x: 'y' }, sysctls: ['net.a=1'] },
      [],
    ],
    ['the order of keys', { environment: { A: 1, B: 2 } }, { environment: { B: 2, A: 1 } }, []],
    ['notes', { 'x-a': 1 }, { 'x-a': 2 }, []],
    [
      'both notations of a mount',
      { volumes: ['./a:/a:ro', 'vv:/v'] },
      {
        volumes: [
          { type: 'volume', source: 'vv', target: '/v' },
          { type: 'bind', source: './a', target: '/a', read_only: true },
        ],
      },
      [],
    ],
    [
      'notations of env_file, networks, depends_on, configs',
      { env_file: 'a', networks: ['n'], depends_on: ['d'], configs: ['c'] },
      {
        env_file: [{ path: 'a' }],
        networks: { n: null },
        depends_on: { d: { condition: 'service_started' } },
        configs: [{ source: 'c' }],
      },
      [],
    ],
    [
      'one variable',
      { environment: { A: 1, LOG_LEVEL: 'info' } },
      { environment: { A: 1, LOG_LEVEL: 'debug' } },
      ['environment.LOG_LEVEL'],
    ],
    [
      'one that came and one that went',
      { environment: { A: 1 } },
      { environment: ['B=1'] },
      ['environment.A', 'environment.B'],
    ],
    ['image and ports', { ports: ['80:80'] }, { ports: ['81:80'], image: 'a:2' }, ['image', 'ports']],
    ['a key that went', { user: '1' }, {}, ['user']],
    ['a mount', { volumes: ['./a:/a'] }, { volumes: ['./a:/a:z'] }, ['volumes']],
    [
      'one of two addresses of a host',
      { extra_hosts: ['h:1.2.3.4', 'h:::1'] },
      { extra_hosts: ['h:9.9.9.9', 'h:::1'] },
      ['extra_hosts.h'],
    ],
    [
      'both notations of two addresses',
      { extra_hosts: ['h=1.2.3.4', 'a:1.1.1.1', 'h:::1'] },
      { extra_hosts: { h: ['1.2.3.4', '::1'], a: '1.1.1.1' } },
      [],
    ],
    [
      'which of two values is the last',
      { environment: ['A=1', 'A=2'] },
      { environment: ['A=2', 'A=1'] },
      ['environment.A'],
    ],
    [
      'extra_hosts',
      { extra_hosts: ['a:1.1.1.1', 'b:2'] },
      { extra_hosts: { a: '1.1.1.2', b: '2' } },
      ['extra_hosts.a'],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(changedKeys(file(before), file(after), 'app')).toEqual(expected);
  });

  it('tells a top-level entry that it reaches, and no other', () => {
    const before = file(
      { volumes: ['data:/d'], configs: ['c'] },
      { volumes: { data: {}, far: {} }, configs: { c: { file: 'a' } } },
    );
    const after = file(
      { volumes: ['data:/d'], configs: ['c'] },
      { volumes: { data: { labels: ['a=b'] }, far: { driver: 'x' } }, configs: { c: { file: 'b' } } },
    );
    expect(changedKeys(before, after, 'app')).toEqual(['configs.c', 'volumes.data']);
  });
});

describe('G-8: volume_changed', () => {
  const of = (before: object, after: object, service: object = { volumes: ['data:/d'], networks: ['net'] }) =>
    volumesOrNetworksChanged(file(service, before), file(service, after), 'app');
  it.each<[string, object, object, string[]]>([
    [
      'the same',
      { volumes: { data: null }, networks: { net: {} } },
      { volumes: { data: {} }, networks: { net: null } },
      [],
    ],
    [
      'labels as list and as map',
      { volumes: { data: { labels: ['a=b'] } } },
      { volumes: { data: { labels: { a: 'b' } } } },
      [],
    ],
    [
      'a driver option',
      { volumes: { data: {} } },
      { volumes: { data: { driver_opts: { o: 'x' } } } },
      ['volumes.data'],
    ],
    ['a network', { networks: { net: {} } }, { networks: { net: { internal: true } } }, ['networks.net']],
    ['a new volume', { volumes: {} }, { volumes: { data: { driver_opts: { o: 'x' } } } }, []],
    ['one that it does not reach', { volumes: { far: {} } }, { volumes: { far: { name: 'x' } } }, []],
  ])('%s', (_, before, after, expected) => {
    expect(of(before, after)).toEqual(expected);
  });
  it('the network that nobody writes down', () => {
    expect(of({}, { networks: { default: { driver_opts: { a: 'b' } } } }, {})).toEqual(['networks.default']);
    expect(of({ networks: { default: null } }, {}, {})).toEqual([]);
    expect(of({ networks: { default: { internal: true } } }, {}, {})).toEqual(['networks.default']);
    expect(of({}, { networks: { default: { internal: true } } }, { network_mode: 'none' })).toEqual([]);
  });
});
