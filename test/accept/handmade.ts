/** Stacks as people make them by hand: a folder, a compose file, `docker compose up -d`. */
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LabHost } from '../lab/lab.js';
import { BARE, finish } from '../lab/process.js';

export interface Handmade {
  readonly name: string;
  /** By path in its folder; a text alone is 0644 and root's, as an editor leaves it. */
  readonly files: Readonly<
    Record<string, string | { readonly text: string; readonly mode: number; readonly group?: true }>
  >;
  /** Default: `docker compose up -d`. */
  readonly up?: readonly string[];
}

const IDLE = `    image: lab/busybox:1
    command: [sleep, "100000"]
    init: true
    stop_grace_period: 1s
`;
/** In a network of its own, which an engine has few of. */
const networked = (name: string, more = ''): string => `  ${name}:\n${IDLE}${more}`;
const service = (name: string, more = ''): string => networked(name, `    network_mode: bridge\n${more}`);

/** An engine's own pools are soon used up where tests run at once. */
const DEFAULT = 'networks: {default: {ipam: {config: [{subnet: SUBNET0}]}}}\n';

export const PASSWORD = 'correct-Horse-battery-5521';
const ENV = `DB_PASSWORD=${PASSWORD}\nGREETING=hello\n`;
/** For whoever may talk to the engine, and nobody else. */
const forGroup = (text: string) => ({ text, mode: 0o640, group: true }) as const;

/** Twelve, of the shapes that people have. `database`: an image that is called like one. */
export const twelve = (database: string): readonly Handmade[] => [
  {
    name: 'web',
    files: {
      'compose.yaml': `services:\n${networked('web', '    ports: ["127.0.0.1::8080"]\n    mem_limit: 64m\n    cpus: 0.5\n    restart: unless-stopped\n')}${DEFAULT}`,
    },
  },
  {
    name: 'vault',
    files: {
      'compose.yaml': `services:\n${service('vault', '    env_file: .env\n    environment:\n      MOTTO: ${GREETING}\n')}`,
      '.env': forGroup(ENV),
    },
  },
  {
    name: 'notes',
    files: {
      'docker-compose.yml': `services:\n${service('notes', '    volumes: ["./data:/data", "./app.db:/app.db"]\n')}`,
      'data/note': { text: 'buy milk\n', mode: 0o600 },
      'app.db': `SQLite\0${PASSWORD}`,
    },
  },
  {
    name: 'proxy',
    files: {
      'compose.yaml': `services:\n${service('proxy', '    labels:\n      - "proxy.rule=Host(`x.example.net`)"\n    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock:ro\n      - ./proxy.yml:/etc/proxy.yml:ro\n      - ./acme.json:/acme.json\n      - ./conf.d:/conf.d:ro\n')}`,
      'proxy.yml': 'entryPoints: {}\n',
      'acme.json': { text: `{"key":"${PASSWORD}"}\n`, mode: 0o600 },
      'conf.d/a.yml': 'a: 1\n',
    },
  },
  {
    name: 'monitor',
    files: {
      'compose.yaml': `services:\n${networked('exporter', '    network_mode: host\n    pid: host\n    volumes: ["/proc:/host/proc:ro"]\n')}`,
    },
  },
  {
    name: 'photos',
    files: {
      'compose.yaml': `name: photos-PROJECT
services:
${networked('server', '    env_file: [.env]\n    depends_on: [redis, database]\n    volumes: ["uploads:/usr/src/app/upload", "/etc/localtime:/etc/localtime:ro"]\n    healthcheck:\n      test: ["CMD", "true"]\n      interval: 1s\n')}${networked('redis', '    read_only: true\n')}${networked('database', '    environment:\n      POSTGRES_PASSWORD: ${DB_PASSWORD}\n    volumes: ["pgdata:/var/lib/postgresql/data"]\n    shm_size: 128mb\n').replace('lab/busybox:1', database)}volumes:
  uploads:
  pgdata:
${DEFAULT}`,
      '.env': forGroup(ENV),
    },
  },
  {
    name: 'blog',
    files: {
      'compose.yaml': `services:
${service('blog', '    configs: [{source: site, target: /site.conf}]\n    secrets: [db]\n')}configs:
  site: {file: ./site.conf}
secrets:
  db: {file: ./db_password.txt}
`,
      'site.conf': 'title = blog\n',
      'db_password.txt': forGroup(PASSWORD),
    },
  },
  {
    name: 'ledger',
    files: {
      'compose.yaml': `services:
  migrate:
    image: lab/busybox:1
    command: ["true"]
    network_mode: bridge
${service('api', '    depends_on:\n      migrate: {condition: service_completed_successfully}\n')}`,
    },
  },
  {
    name: 'media',
    files: {
      'compose.yaml': `x-common: &common
  restart: unless-stopped
services:
  base:
${IDLE}    network_mode: bridge
    profiles: [never]
  player:
    extends: {service: base}
    container_name: PROJECT-player
    profiles: [media]
    <<: *common
`,
    },
    up: ['--profile', 'media', 'up', '-d', 'player'],
  },
  {
    name: 'cache',
    files: {
      'compose.yaml': `services:\n${service('cache', '    tmpfs: [/tmp]\n    ulimits: {nofile: 1024}\n    logging: {driver: json-file, options: {max-size: 10m}}\n    deploy: {resources: {limits: {memory: 64M}}}\n    cap_drop: [ALL]\n    security_opt: ["no-new-privileges:true"]\n')}`,
    },
  },
  {
    name: 'tools',
    files: {
      'compose.yaml': `services:\n${service('tools', '    env_file:\n      - ../common.env\n      - path: missing.env\n        required: false\n    volumes:\n      - ./run.sh:/run.sh:ro\n      - ./mounted.env:/app/.env\n      - ./key.pem:/key.pem:ro\n')}`,
      '../common.env': forGroup(`TOKEN=${PASSWORD}\n`),
      'run.sh': { text: '#!/bin/sh\n', mode: 0o755 },
      'mounted.env': `TOKEN=${PASSWORD}\n`,
      'key.pem': `-----BEGIN PRIVATE KEY-----\n${PASSWORD}\n-----END PRIVATE KEY-----\n`,
    },
  },
  {
    name: 'nets',
    files: {
      'compose.yaml': `services:
${networked('front', '    networks: [outer, inner]\n    expose: ["80"]\n')}${networked('back', '    networks: {inner: {aliases: [db]}}\n    hostname: back\n    user: "1000"\n')}networks:
  outer: {ipam: {config: [{subnet: SUBNET0}]}}
  inner: {internal: true, ipam: {config: [{subnet: SUBNET1}]}}
`,
    },
  },
];

/** Of eight addresses, another one for each project. */
function subnet(project: string, n: number): string {
  const [a = 0, b = 0, c = 0] = createHash('sha256').update(project).digest();
  return `10.${128 + (a % 64)}.${b}.${8 * ((c + n) % 32)}/29`;
}

/** Makes its folder beneath `root`, called after `project`, and brings it up as root does it there. */
export async function makeByHand(
  stack: Handmade,
  root: string,
  project: string,
  host: LabHost,
  group: number,
): Promise<void> {
  const folder = join(root, project);
  await mkdir(folder, { recursive: true });
  for (const [path, file] of Object.entries(stack.files)) {
    const { text, mode, group: shared } = typeof file === 'string' ? { text: file, mode: 0o644, group: false } : file;
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(
      full,
      text.replaceAll('PROJECT', project).replaceAll(/SUBNET(\d)/g, (_, n: string) => subnet(project, Number(n))),
    );
    await chmod(full, mode);
    if (shared) await chown(full, 0, group);
  }
  const args = ['compose', ...(stack.up ?? ['up', '-d'])];
  const done = await finish('docker', args, { cwd: folder, env: { ...BARE, DOCKER_CONFIG: host.docker_config } });
  if (done.exit !== 0) throw new Error(`docker ${args.join(' ')} in ${folder}: ${done.stderr}`);
}

/** What cannot be adopted as it is, and the words that say why. */
export const AWKWARD: readonly (Handmade & { readonly why: RegExp; readonly fix?: RegExp })[] = [
  {
    name: 'override',
    files: {
      'compose.yaml': `services:\n${service('web')}`,
      'compose.override.yaml': 'services:\n  web:\n    environment: {A: b}\n',
    },
    why: /several compose files/,
    fix: /docker compose config/,
  },
  {
    name: 'groupmode',
    files: { 'compose.yaml': { text: `services:\n${service('web')}`, mode: 0o664 } },
    why: /has the mode 0664/,
    fix: /chmod 0644 .*compose\.yaml/,
  },
  {
    name: 'closed',
    files: { 'compose.yaml': { text: `services:\n${service('web')}`, mode: 0o600 } },
    why: /has the mode 600/,
    fix: /chmod 0644/,
  },
  {
    name: 'rootenv',
    files: {
      'compose.yaml': `services:\n${service('web', '    env_file: .env\n')}`,
      '.env': { text: `A=${PASSWORD}\n`, mode: 0o600 },
    },
    why: /the agent cannot read \S+\/\.env/,
    fix: /chgrp docker \S+\/\.env && chmod 0640 /,
  },
  {
    name: 'includes',
    files: {
      'compose.yaml': `include: [other.yaml]\nservices:\n${service('web')}`,
      'other.yaml': `services:\n${service('other')}`,
    },
    why: /include is not accepted/,
  },
  {
    name: 'namespace',
    files: { 'compose.yaml': `services:\n${service('vpn')}${networked('web', '    network_mode: service:vpn\n')}` },
    why: /service definition differs from the running container; its container would be recreated/,
  },
  {
    name: 'scaled',
    files: { 'compose.yaml': `services:\n${service('web')}` },
    up: ['up', '-d', '--scale', 'web=2'],
    why: /^it has 2 containers, and a module is one$/,
    fix: /--scale web=1 web$/,
  },
];
