import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCompose } from '../../src/compose/file.js';
import type { ComposeFile, PolicyContext } from '../../src/compose/model.js';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function parsed(text: string, path = 'app/compose.yaml'): ComposeFile {
  const result = parseCompose(bytes(text), path);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.file;
}

/** A compose file from values: JSON is YAML. */
export const composed = (document: object): ComposeFile => parsed(JSON.stringify(document));

export const CONTEXT: PolicyContext = {
  module: 'web',
  remoteRoot: '/opt/stacks',
  folder: '/opt/stacks/app',
  sacredPaths: ['/srv/backup'],
  bindRoots: ['/mnt/media'],
  allow: [],
  deny: [],
  today: '2026-05-01',
};

/** The compose versions of the lab; `docker compose` where the lab names none. Empty: this machine has no compose. */
export function composeVersions(): readonly { name: string; command: readonly string[] }[] {
  const named = [
    ['2.26', process.env.PLATFORMCTL_LAB_COMPOSE_226],
    ['2.40', process.env.PLATFORMCTL_LAB_COMPOSE_240],
  ].flatMap(([name, path]) => (name && path ? [{ name, command: [path] }] : []));
  if (named.length > 0) return named;
  const there = spawnSync('docker', ['compose', 'version'], { timeout: 20_000 }).status === 0;
  return there ? [{ name: 'docker compose', command: ['docker', 'compose'] }] : [];
}

/** What a host does with a skeleton (P-12): an environment made from nothing, the document on stdin. */
export function resolve(
  command: readonly string[],
  document: string,
  dotenv = '',
  args: readonly string[] = [],
): string {
  const folder = mkdtempSync(join(tmpdir(), 'pctl-compose-'));
  try {
    writeFileSync(join(folder, 'env'), dotenv);
    const [program = '', ...rest] = command;
    const all = [
      ...rest,
      '--project-directory',
      '/opt/stacks/app',
      '-p',
      'proj',
      '--env-file',
      join(folder, 'env'),
      '-f',
      '-',
    ];
    const result = spawnSync(
      program,
      [...all, '--profile', '*', ...(args.length > 0 ? args : ['config', '--format', 'json'])],
      {
        input: document,
        env: { PATH: process.env.PATH ?? '', HOME: folder },
        timeout: 30_000,
        encoding: 'utf8',
      },
    );
    if (result.status !== 0) throw new Error(`compose: ${result.stderr}`);
    return result.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
