/** The path through the real docker compose, both versions of the lab: variables, skeletons, extends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { judgeResolved, judgeText } from '../../src/compose/policy.js';
import { references } from '../../src/compose/references.js';
import { readSkeleton, skeleton } from '../../src/compose/skeleton.js';
import { hasVariable, isInvalidTemplate, mask } from '../../src/compose/variables.js';
import { DENIED, documentOf } from './denials.js';
import { NUMBERS } from './numbers.js';
import { CONTEXT, composed, composeVersions, parsed, resolve } from './setup.js';

const VERSIONS = composeVersions();
const quoted = (value: string): string => `V='${value}'\n`;

describe.runIf(VERSIONS.length > 0)('the real compose', () => {
  it.each(VERSIONS)(
    'G-7, P-12: every denied row through a variable, $name',
    ({ command }) => {
      // One process for all: each case is a service of its own, each with a variable of its own.
      for (const given of DENIED) {
        if (!given.variable) continue;
        const file = composed(documentOf(given, true));
        const names = references(file, 'app').variables.map(({ name }) => name);
        expect(names, given.name).toContain('V');
        const answer = resolve(command, skeleton(file, ['app'], names), quoted(given.variable.V));
        const read = readSkeleton(JSON.parse(answer), 'app', file);
        expect(read.variables.get('V'), given.name).toBe(true);
        const { denials } = judgeResolved(read.resolved, CONTEXT, { file, service: 'app' });
        const found = denials.map(({ rule, value }) => [rule, value]);
        const text = judgeText(composed(documentOf(given)), 'app', CONTEXT).denials.map(({ rule, value }) => [
          rule,
          value,
        ]);
        for (const denial of text) expect(found, given.name).toContainEqual(denial);
      }
    },
    240_000,
  );

  it.each(VERSIONS)('G-7 numbers are what the judge takes them for, $name', ({ command }) => {
    const text = `services:\n  app:\n    image: x:1\n    environment:\n${NUMBERS.map(([written], at) => `      V${at}: ${written}\n`).join('')}`;
    const { services } = JSON.parse(resolve(command, text));
    const judged = parsed(text).services.get('app')?.environment as Record<string, unknown>;
    for (const [at, [written]] of NUMBERS.entries())
      if (!written.startsWith('0x3f'))
        expect(services.app.environment[`V${at}`], written).toBe(String(judged[`V${at}`]));
  });

  const WIDE = `
services:
  app:
    image: registry.example/app:\${TAG:-1.2}
    container_name: \${NAME}
    privileged: \${P:-false}
    environment: { PASSWORD: hunter22secret, OTHER: "\${SECRET}" }
    labels: { x: "\${SECRET}" }
    command: ["--token", "\${SECRET}"]
    healthcheck: { test: "curl -u \${SECRET}" }
    env_file: ["\${NAME}.env", { path: "\${NAME}.opt", required: false }, plain.env]
    volumes: ["./data:/d", "\${DIR}/x:/x:ro", "vol:/v", "/anon", { type: tmpfs, target: /t, tmpfs: { size: 100 } }]
    ports: ["8080:80", "127.0.0.1:53:53/udp", "9000-9001:9000-9001"]
    networks: { default: , proxy: { aliases: [a] } }
    configs: [conf]
    secrets: [{ source: key, target: k }]
    security_opt: ["seccomp:\${NAME}.json", no-new-privileges]
    cpus: 0.5
    devices: ["/dev/dri:/dev/dri", /dev/null]
    extra_hosts: ["a:1.2.3.4"]
    deploy: { resources: { limits: { memory: 512m } }, labels: { s: "\${SECRET}" } }
    logging: { driver: json-file, options: { token: "\${SECRET}" } }
    depends_on: [gone]
    sysctls: ["net.core.somaxconn=1"]
    stop_signal: "a$$b$ c"
  gone: { image: x, network_mode: "service:app" }
volumes: { vol: { labels: { s: "\${SECRET}" } } }
networks: { proxy: { external: true, name: "\${NET:-proxy}" } }
configs: { conf: { file: "./\${NAME}.conf" } }
secrets: { key: { file: "\${NAME}.key" } }
`;
  const DOTENV = 'NAME=web\nDIR=/mnt/media\nSECRET=hunter22secret\n';

  it('P-12: gives the same from every version, and nothing secret', () => {
    const file = parsed(WIDE);
    const names = references(file, 'app').variables.map(({ name }) => name);
    const document = skeleton(file, ['app'], names);
    expect(document).not.toMatch(/hunter22|\$\{SECRET\}/);
    const reads = VERSIONS.map(({ command }) => {
      const answer = resolve(command, document, DOTENV);
      expect(answer).not.toContain('hunter22');
      return readSkeleton(JSON.parse(answer), 'app', file);
    });
    for (const read of reads) expect(read).toEqual(reads[0]);
    expect(reads[0]).toMatchInlineSnapshot(`
      {
        "binds": [
          {
            "readOnly": true,
            "source": "/mnt/media/x",
            "target": "/x",
          },
          {
            "readOnly": false,
            "source": "/opt/stacks/app/data",
            "target": "/d",
          },
        ],
        "containerName": "web",
        "envFiles": [
          "web.env",
        ],
        "files": [
          {
            "kind": "config",
            "path": "./web.conf",
          },
          {
            "kind": "secret",
            "path": "web.key",
          },
          {
            "kind": "seccomp",
            "path": "web.json",
          },
        ],
        "image": "registry.example/app:1.2",
        "optionalEnvFiles": [
          "web.opt",
        ],
        "resolved": {
          "configs": {
            "conf": {
              "file": "./web.conf",
            },
          },
          "networks": {
            "default": {
              "name": "proj_default",
            },
            "proxy": {
              "external": true,
              "name": "proxy",
            },
          },
          "secrets": {
            "key": {
              "file": "web.key",
            },
          },
          "service": {
            "configs": [
              "conf",
            ],
            "container_name": "web",
            "devices": [
              "/dev/dri:/dev/dri",
              "/dev/null",
            ],
            "env_file": [
              "plain.env",
              "web.env",
              "web.opt",
            ],
            "image": "registry.example/app:1.2",
            "logging": {
              "driver": "json-file",
            },
            "networks": {
              "default": null,
              "proxy": null,
            },
            "ports": [
              "127.0.0.1:53:53/udp",
              "8080:80/tcp",
              "9000:9000/tcp",
              "9001:9001/tcp",
            ],
            "secrets": [
              "key",
            ],
            "security_opt": [
              "no-new-privileges",
              "seccomp:web.json",
            ],
            "sysctls": [
              "net.core.somaxconn=1",
            ],
            "volumes": [
              {
                "read_only": true,
                "source": "/mnt/media/x",
                "target": "/x",
                "type": "bind",
              },
              {
                "source": "/opt/stacks/app/data",
                "target": "/d",
                "type": "bind",
              },
              {
                "source": "vol",
                "target": "/v",
                "type": "volume",
              },
              {
                "target": "/anon",
                "type": "volume",
              },
              {
                "target": "/t",
                "type": "tmpfs",
              },
            ],
          },
          "volumes": {
            "vol": {
              "name": "proj_vol",
            },
          },
        },
        "variables": Map {
          "DIR" => true,
          "NAME" => true,
          "NET" => false,
          "P" => false,
          "SECRET" => true,
          "TAG" => false,
        },
      }
    `);
  });

  it.each(VERSIONS)(
    'P-12: several services of one file in one answer, network_mode of a neighbour, $name',
    ({ command }) => {
      const file = composed({
        services: {
          vpn: { image: 'v:1', cap_add: ['NET_ADMIN'] },
          app: { image: 'a:1', network_mode: 'service:${WHERE:-vpn}', ipc: 'service:vpn', volumes_from: ['vpn'] },
          off: { image: 'o:1', profiles: ['never'] },
          built: { build: '.' },
        },
      });
      const answer = JSON.parse(
        resolve(command, skeleton(file, ['vpn', 'app', 'off', 'built'], ['WHERE', 'COMPOSE_PROJECT_NAME'])),
      );
      const app = readSkeleton(answer, 'app', file);
      expect(app.resolved.service).toEqual({
        image: 'a:1',
        network_mode: 'service:vpn',
        ipc: 'service:vpn',
        volumes_from: ['vpn'],
      });
      expect([...app.variables]).toEqual([
        ['COMPOSE_PROJECT_NAME', true],
        ['WHERE', false],
      ]);
      expect(readSkeleton(answer, 'off', file).image).toBe('o:1');
      expect(readSkeleton(answer, 'built', file).image).toBe('');
      expect(readSkeleton(answer, 'vpn', file).resolved.networks).toEqual({ default: { name: 'proj_default' } });
    },
  );

  it.each(VERSIONS)('P-7: extends is followed as compose does it, $name', ({ command }) => {
    const base = {
      image: 'b:1',
      command: ['a', 'b'],
      entrypoint: 'x',
      environment: { A: '1', B: '2' },
      labels: ['l=1', 'm=2'],
      volumes: ['./a:/a', './b:/b'],
      ports: ['80:80'],
      cap_add: ['CHOWN'],
      dns: '1.1.1.1',
      env_file: 'a.env',
      healthcheck: { test: ['CMD', 'x'], interval: '5s' },
      depends_on: ['dep'],
      networks: ['n1'],
      deploy: { resources: { limits: { memory: '1g' } } },
      logging: { driver: 'json-file', options: { 'max-size': '1m' } },
      sysctls: { 'net.a': 1 },
      tmpfs: '/t1',
      extra_hosts: ['h:1.1.1.1'],
      privileged: true,
      ulimits: { nofile: 10 },
      restart: 'always',
      secrets: ['s1'],
      expose: ['1'],
      group_add: ['1'],
      profiles: ['p'],
      storage_opt: { size: '1G' },
      security_opt: ['no-new-privileges'],
    };
    const own = {
      image: 'o:1',
      command: ['c'],
      environment: ['B=3', 'C'],
      labels: { m: '3', n: '4' },
      volumes: ['./c:/a', { type: 'bind', source: './d', target: '/d' }],
      ports: ['81:81'],
      cap_add: ['KILL'],
      dns: ['2.2.2.2'],
      env_file: ['b.env'],
      healthcheck: { test: 'y' },
      depends_on: { dep2: { condition: 'service_healthy' } },
      networks: { n2: { aliases: ['q'] } },
      deploy: { resources: { limits: { cpus: '1' } } },
      logging: { driver: 'local', options: { x: 'y' } },
      sysctls: ['net.b=2'],
      tmpfs: ['/t2'],
      extra_hosts: { i: '2.2.2.2' },
      privileged: false,
      ulimits: { nofile: { soft: 1, hard: 2 } },
      secrets: ['s2'],
      expose: ['2'],
      group_add: ['2'],
      profiles: ['q'],
      security_opt: ['seccomp=unconfined'],
      entrypoint: ['z'],
    };
    const top = { volumes: {}, networks: { n1: {}, n2: {} }, secrets: { s1: { file: './s1' }, s2: { file: './s2' } } };
    const more = { dep: { image: 'd:1' }, dep2: { image: 'd:1' } };
    const pairsOf: [object, object][] = Object.keys(base).map((key) => {
      const pick = (from: object): object =>
        key in from ? { image: 'b:1', [key]: from[key as keyof object] } : { image: 'b:1' };
      return [pick(base), pick(own)];
    });
    // What is written as nothing leaves the base's value, says compose.
    for (const key of ['command', 'entrypoint', 'environment', 'labels', 'volumes', 'cap_add', 'privileged'] as const) {
      pairsOf.push([{ image: 'b:1', [key]: base[key] }, { [key]: null }]);
    }
    pairsOf.push([base, own], [base, {}], [{ image: 'b:1' }, { ...own }]);
    const services: Record<string, object> = { ...more };
    for (const [index, [before, after]] of pairsOf.entries()) {
      services[`base${index}`] = before;
      services[`own${index}`] = { ...after, extends: index % 2 ? `base${index}` : { service: `base${index}` } };
    }
    const document = { services, ...top };
    const flat = { services: Object.fromEntries(composed(document).services), ...top };
    const folder = mkdtempSync(join(tmpdir(), 'pctl-extends-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of ['a.env', 'b.env']) writeFileSync(join(folder, name), `FROM_${name[0]}=1\n`);
    const print = (value: object) => {
      const text = JSON.stringify(value).replace(/"([ab]\.env)"/g, JSON.stringify(join(folder, '$1')));
      return JSON.parse(resolve(command, text)).services as Record<string, object>;
    };
    const real = print(document);
    const ours = print(flat);
    for (const [index, [before, after]] of pairsOf.entries()) {
      expect(ours[`own${index}`], JSON.stringify([before, after])).toEqual(real[`own${index}`]);
    }
  });

  it.each(VERSIONS)(
    'P-12: what is a variable, and what is literal, $name',
    ({ command }) => {
      const texts = [
        'a$',
        '$1',
        '$$',
        '$$A',
        '$$$A',
        '$A',
        '${A}x',
        '$(x)',
        '${B:-c}',
        '${B:-${A}}',
        '${B-$A}',
        '${A:+y}',
        '${A:?e}',
        '${B:-a}b}',
        '${B:-{x}}',
        '$é',
        '$A-$B',
        '${B:-$$x}',
      ];
      const refused = ['${1}', '${A', '${A:=x}', '${a.b}', '${A b}', '${}', '${B:-${A}'];
      const one = (text: string) =>
        JSON.parse(
          resolve(command, JSON.stringify({ services: { s: { image: 'i', hostname: text } } }), 'A=value\n'),
        ).services.s.hostname.replaceAll('$$', '$') as string;
      for (const text of texts) {
        expect(isInvalidTemplate(text), text).toBe(false);
        const answer = one(text);
        if (!hasVariable(text)) expect(mask(text), text).toBe(answer);
        else {
          const pattern = mask(text)
            .split('\0')
            .map((part) => part.replace(/[$(){}^]/g, '\\$&'))
            .join('.*');
          expect(answer, text).toMatch(new RegExp(`^${pattern}$`));
        }
      }
      for (const text of refused) {
        expect(isInvalidTemplate(text), text).toBe(true);
        expect(() => one(text), text).toThrow(/invalid interpolation/);
      }
    },
    120_000,
  );
});
