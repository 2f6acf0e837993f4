import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeResolved } from '../../src/compose/policy.js';
import { readSkeleton, skeleton } from '../../src/compose/skeleton.js';
import { PlatformError } from '../../src/errors.js';
import { CONTEXT, composed, parsed } from './setup.js';

const FILE = composed({
  services: {
    app: {
      image: 'a:${T}',
      environment: { PASSWORD: 'hunter22' },
      labels: ['l=hunter22'],
      command: 'x hunter22',
      entrypoint: ['hunter22'],
      healthcheck: { test: 'hunter22' },
      build: { context: '.', args: { P: 'hunter22' }, dockerfile_inline: 'hunter22' },
      post_start: [{ command: 'hunter22' }],
      logging: { driver: 'local', options: { t: 'hunter22' } },
      deploy: { labels: { a: 'hunter22' }, replicas: 1 },
      extra_hosts: ['hunter22:1'],
      annotations: { a: 'hunter22' },
      env_file: ['${E}.env'],
      secrets: ['s'],
      configs: ['c'],
      volumes: ['./a:/a', 'data:/d'],
      networks: { n: { aliases: ['hunter22'] } },
      security_opt: ['seccomp=${E}.json'],
      hostname: 'hunter22',
      user: 'hunter22',
      develop: { watch: ['hunter22'] },
      depends_on: ['other'],
      network_mode: 'service:other',
      'x-note': 'hunter22',
    },
    other: { image: 'o:1', environment: ['A=hunter22'] },
  },
  volumes: { data: { labels: { a: 'hunter22' }, driver_opts: { o: '${O}' } }, far: { name: 'hunter22' } },
  networks: { n: { labels: ['a=hunter22'] } },
  configs: { c: { content: 'hunter22' } },
  secrets: { s: { file: '${E}.key' } },
});

type Path = readonly (string | number)[];

/** `value` with another `now` at this path, which is there or one step from there; undefined: without it. */
function put(value: unknown, [step, ...rest]: Path, now: unknown): unknown {
  if (step === undefined) return now;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  if (rest.length === 0 && now === undefined) Reflect.deleteProperty(copy, step);
  else Reflect.set(copy, step, put(Reflect.get(copy, step), rest, now));
  return copy;
}

const APP_AT: Path = ['services', 'app'];

/** What compose would print for it. */
const ANSWER = {
  name: 'p',
  services: {
    app: {
      image: 'a:1',
      networks: { n: null },
      privileged: false,
      ports: [{ mode: 'ingress', target: 80, published: '8080', protocol: 'tcp' }],
      volumes: [
        { type: 'bind', source: '/opt/stacks/app/a', target: '/a', bind: { create_host_path: true } },
        { type: 'volume', source: 'data', target: '/d', volume: {} },
      ],
    },
  },
  volumes: { data: { name: 'p_data', driver_opts: { o: 'x,password=hunter22,y' } } },
  networks: { n: { name: 'p_n', ipam: {} } },
  'x-platformctl': {
    variables: { E: '1', T: '', O: '1' },
    services: {
      app: {
        env_file: ['web.env'],
        secrets: ['s'],
        configs: ['c'],
        security_opt: ['seccomp=web.json'],
        network_mode: 'service:other',
        oom_score_adj: 1.5,
        group_add: ['$$b', 'a'],
      },
    },
    secrets: { s: { file: 'web.key' } },
    configs: { c: {} },
  },
};

describe('P-12: the skeleton', () => {
  it('holds no value of environment, labels, arguments', () => {
    const text = skeleton(FILE, ['app', 'other'], ['E', 'T']);
    expect(text).not.toContain('hunter22');
    expect(JSON.parse(text)).toMatchInlineSnapshot(`
      {
        "networks": {
          "n": {},
        },
        "services": {
          "app": {
            "image": "a:\${T}",
            "networks": {
              "n": {},
            },
            "volumes": [
              "./a:/a",
              "data:/d",
            ],
          },
          "other": {
            "image": "o:1",
          },
        },
        "volumes": {
          "data": {
            "driver_opts": {
              "o": "\${O}",
            },
          },
        },
        "x-platformctl": {
          "configs": {
            "c": {},
          },
          "secrets": {
            "s": {
              "file": "\${E}.key",
            },
          },
          "services": {
            "app": {
              "build": ".",
              "configs": [
                "c",
              ],
              "deploy": {
                "replicas": 1,
              },
              "env_file": [
                "\${E}.env",
              ],
              "logging": {
                "driver": "local",
              },
              "network_mode": "service:other",
              "secrets": [
                "s",
              ],
              "security_opt": [
                "seccomp=\${E}.json",
              ],
            },
            "other": {},
          },
          "variables": {
            "E": "\${E+1}",
            "T": "\${T+1}",
          },
        },
      }
    `);
  });

  it('is ASCII where a reader of YAML 1.1 would end a line', () => {
    const text = skeleton(
      parsed('services: { a: { image: "a:1", cap_add: ["x\\u2028y\\x85z\\ufeff\\x7f"] } }'),
      ['a'],
      [],
    );
    expect(text).toMatch(/x\\u2028y\\u0085z\\ufeff\\u007f/);
  });
});

describe('P-12: the answer', () => {
  it('is read into one form', () => {
    expect(readSkeleton(ANSWER, 'app', FILE)).toMatchInlineSnapshot(`
      {
        "binds": [
          {
            "readOnly": false,
            "source": "/opt/stacks/app/a",
            "target": "/a",
          },
        ],
        "containerName": null,
        "envFiles": [
          "web.env",
        ],
        "files": [
          {
            "kind": "secret",
            "path": "web.key",
          },
          {
            "kind": "seccomp",
            "path": "web.json",
          },
        ],
        "image": "a:1",
        "optionalEnvFiles": [],
        "resolved": {
          "configs": {
            "c": {},
          },
          "networks": {
            "n": {
              "name": "p_n",
            },
          },
          "secrets": {
            "s": {
              "file": "web.key",
            },
          },
          "service": {
            "configs": [
              "c",
            ],
            "env_file": [
              "web.env",
            ],
            "group_add": [
              "$b",
              "a",
            ],
            "image": "a:1",
            "network_mode": "service:other",
            "networks": {
              "n": null,
            },
            "oom_score_adj": "1.5",
            "ports": [
              "8080:80/tcp",
            ],
            "secrets": [
              "s",
            ],
            "security_opt": [
              "seccomp=web.json",
            ],
            "volumes": [
              {
                "source": "/opt/stacks/app/a",
                "target": "/a",
                "type": "bind",
              },
              {
                "source": "data",
                "target": "/d",
                "type": "volume",
              },
            ],
          },
          "volumes": {
            "data": {
              "driver_opts": {
                "o": "x,password=***,y",
              },
              "name": "p_data",
            },
          },
        },
        "variables": Map {
          "E" => true,
          "T" => false,
          "O" => true,
        },
      }
    `);
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['text', 'x'],
    ['a list', []],
    ['no services', put(ANSWER, ['services'], undefined)],
    ['another service', put(ANSWER, ['services'], { b: ANSWER.services.app })],
    ['no extension', put(ANSWER, ['x-platformctl'], undefined)],
    ['a value of a variable', put(ANSWER, ['x-platformctl', 'variables', 'E'], 'hunter22')],
    ['no image', put(ANSWER, [...APP_AT, 'image'], undefined)],
    ['fewer env files', put(ANSWER, ['x-platformctl', ...APP_AT, 'env_file'], [])],
    ['a mount without target', put(ANSWER, [...APP_AT, 'volumes', 0, 'target'], undefined)],
    ['a relative bind', put(ANSWER, [...APP_AT, 'volumes', 0, 'source'], 'etc')],
    ['privileged as text', put(ANSWER, [...APP_AT, 'privileged'], 'no')],
    ['a port without target', put(ANSWER, [...APP_AT, 'ports'], [{}])],
    ['driver_opts as text', put(ANSWER, ['volumes', 'data', 'driver_opts'], 'x')],
    ['a NUL', put(ANSWER, [...APP_AT, 'image'], 'a\0b')],
    ['a lone surrogate', put(ANSWER, [...APP_AT, 'image'], 'a\ud800')],
    ['long text', put(ANSWER, [...APP_AT, 'image'], 'a'.repeat(20_000))],
    ['a hole', put(ANSWER, ['x-platformctl', ...APP_AT, 'configs', 0], undefined)],
    [
      'a flood',
      put(
        ANSWER,
        ['junk'],
        Array.from({ length: 60_000 }, () => 1),
      ),
    ],
    ['depth', put(ANSWER, ['junk'], JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`))],
    ['__proto__', JSON.parse(JSON.stringify(ANSWER).replace('"name":"p"', '"__proto__":{}'))],
  ])('with %s is refused', (_, answer) => {
    expect(() => readSkeleton(answer, 'app', FILE)).toThrow(
      expect.objectContaining({ code: 'PCTL-COMPOSE-ANSWER', exit: 7 }),
    );
  });

  it.each<[string, object, string | null]>([
    ['bound', { type: 'none', o: 'bind', device: '/mnt/media//x/' }, '/mnt/media/x'],
    ['of a file system that is not there over a network', { type: 'ext4', device: '/dev/sdx' }, '/dev/sdx'],
    ['bound, whatever the type says', { type: 'nfs', o: 'ro,rbind', device: '/mnt/x' }, '/mnt/x'],
    ['of NFS', { type: 'nfs', o: 'addr=10.0.0.1', device: ':/x' }, null],
    ['of tmpfs', { type: 'tmpfs', device: '/tmp' }, null],
  ])('G-5 the device of a volume is a bind mount as well: one that is %s', (_what, driver_opts, source) => {
    const file = composed({
      services: { app: { image: 'a:1', volumes: ['data:/d:ro'] } },
      volumes: { data: { driver_opts } },
    });
    const asked = JSON.parse(skeleton(file, ['app'], []));
    asked.services.app.volumes = [{ type: 'volume', source: 'data', target: '/d', read_only: true }];
    expect(readSkeleton(asked, 'app', file).binds).toEqual(
      source === null ? [] : [{ source, target: '/d', readOnly: true }],
    );
  });

  it('whatever it is, gives a value or a PlatformError', () => {
    /** Replaces one place of the answer with anything. */
    const places: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      places.push(path);
      if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...path, index]);
      else if (typeof value === 'object' && value !== null)
        for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    };
    walk(ANSWER, []);
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true, maxDepth: 2 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), anything, (path, junk) => {
        try {
          const read = readSkeleton(put(ANSWER, path, junk), 'app', FILE);
          judgeResolved(read.resolved, CONTEXT, { file: FILE, service: 'app' });
          JSON.stringify(read.resolved, (_key, value) => {
            if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
            return value;
          });
        } catch (error) {
          if (!(error instanceof PlatformError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
