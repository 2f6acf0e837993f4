/** A small valid platform as texts, and the loading of one with some of them changed. */
import type { Problem } from '../../src/errors.js';
import { type Loaded, loadWanted, manifestPaths } from '../../src/manifest/load.js';

export const CONFIG = `apiVersion: platformctl/v1
kind: Platform
remote_root: /opt/platform
hosts:
  one: { transport: ssh, address: one.example.net, host_key: ssh-ed25519 AAAA }
  two: { transport: local, repo_root: hosts/two }
approval: { mode: signature }
`;

export const MODULE = `apiVersion: platformctl/v1
kind: Module
metadata: { id: web }
spec:
  host: one
  runtime: { compose_file: compose/web.yaml }
`;

const COMPOSE = 'services:\n  web:\n    image: nginx:1.27\n';

export interface SampleFile {
  readonly text: string;
  readonly mode?: string;
}

/** path -> text, or text and mode; null: not there. */
export type Changes = Readonly<Record<string, string | SampleFile | null>>;

export function filesOf(changes: Changes = {}): Map<string, { text: string; mode: string }> {
  const all: Changes = {
    '.platform/config.yaml': CONFIG,
    'compose/web.yaml': COMPOSE,
    'modules/web/module.yaml': MODULE,
    ...changes,
  };
  const files = new Map<string, { text: string; mode: string }>();
  for (const [path, file] of Object.entries(all)) {
    if (file === null) continue;
    files.set(
      path,
      typeof file === 'string' ? { text: file, mode: '100644' } : { text: file.text, mode: file.mode ?? '100644' },
    );
  }
  return files;
}

export function load(changes: Changes = {}): Loaded {
  const files = filesOf(changes);
  const entries = [...files].map(([path, { mode }]) => ({ path, mode }));
  const bytes = new Map(manifestPaths(entries).map((path) => [path, new TextEncoder().encode(files.get(path)!.text)]));
  return loadWanted({ entries, bytes });
}

/** `file:line:column CODE` of each. */
export const places = (problems: readonly Problem[]): string[] =>
  problems.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);

/** A valid module with another id and further lines of `spec`. */
export const moduleText = (
  id: string,
  spec = '',
  composeFile = 'compose/web.yaml',
  runtime = '',
): string => `apiVersion: platformctl/v1
kind: Module
metadata: { id: ${id} }
spec:
  host: one
  runtime: { compose_file: ${composeFile}${runtime} }
${spec}`;
