/** M-5: a thousand modules in one pass, against parsing the same YAML with the same library in one process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BARE } from '../test/lab/process.js';
import { compare, type Row, time } from './measure.js';

const MODULES = 1000;
const PLATFORMCTL = fileURLToPath(new URL('../bin/platformctl.js', import.meta.url));
const PARSE = fileURLToPath(new URL('./parse-yaml.mjs', import.meta.url));

const CONFIG = `apiVersion: platformctl/v1
kind: Platform
remote_root: /opt/platform
protected_ref: main
hosts:
  one: { transport: ssh, address: one.example.net, host_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIz1LO6eLG5VTiNu5ugKxkPEuRT4HNKinUR/K8Gh2dgM" }
approval: { mode: signature }
`;

const moduleYaml = (id: string): string => `# yaml-language-server: $schema=../../schemas/module.schema.json
apiVersion: platformctl/v1
kind: Module
metadata:
  id: ${id}
  description: A web application with a database beside it
  owner: platform
spec:
  host: one
  runtime:
    compose_file: modules/${id}/compose.yaml
    compose_service: ${id}
    project: ${id}
  smoke:
    timeout_seconds: 120
    http: { url: "http://127.0.0.1:8080/health", status: 200 }
`;

const composeYaml = (id: string): string => `services:
  ${id}:
    image: registry.example.net/web:1.4.2
    restart: unless-stopped
    environment: { LOG_LEVEL: info, DATABASE_HOST: database, WORKERS: "4" }
    ports: ["127.0.0.1:8080:8080"]
    volumes: ["./site.conf:/etc/site.conf:ro", "data:/var/lib/web"]
    depends_on: [database]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/health"], interval: 10s }
  database:
    image: registry.example.net/database:17.2
    restart: unless-stopped
    volumes: ["database:/var/lib/database"]
volumes: { data: {}, database: {} }
`;

function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

async function makeRepo(folder: string): Promise<void> {
  write(folder, '.platform/config.yaml', CONFIG);
  write(folder, '.platform/allowed_signers', '');
  for (let number = 0; number < MODULES; number++) {
    const id = `module-${number}`;
    write(folder, `modules/${id}/module.yaml`, moduleYaml(id));
    write(folder, `modules/${id}/compose.yaml`, composeYaml(id));
    write(folder, `modules/${id}/site.conf`, `name ${id}\n`);
  }
  const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.net'];
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '-A'],
    [...identity, 'commit', '-q', '-m', 'modules'],
  ]) {
    await time({ program: 'git', args, options: { cwd: folder } });
  }
}

export async function scale(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'platformctl-bench-'));
  try {
    await makeRepo(folder);
    const options = { cwd: folder, env: { ...BARE, HOME: folder } };
    const subject = (exit: number, ...args: string[]) =>
      time({ program: process.execPath, args: [PLATFORMCTL, ...args], exit, options });
    const baseline = () => time({ program: process.execPath, args: [PARSE, folder] });
    const parsing = `\`parse()\` of the same ${2 * MODULES + 1} YAML files in one process`;
    return [
      await compare(
        { what: '`validate`, 1,000 modules', baseline: parsing },
        5,
        () => subject(0, 'validate'),
        baseline,
      ),
      await compare(
        { what: '`plan --offline`, 1,000 modules', baseline: parsing },
        5,
        () => subject(1, 'plan', '--offline'),
        baseline,
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
