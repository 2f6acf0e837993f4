/** The files that a project's compose file names, and what becomes of each: brought into the checkout, a host file, or left to the service. Pure. */
import type { ComposeFile } from '../compose/model.js';
import { readMount } from '../compose/mounts.js';
import { references } from '../compose/references.js';
import { isList, mapStrings, member } from '../compose/values.js';
import { isOpen, mask } from '../compose/variables.js';
import type { RemoteFile } from '../execute/import.js';
import { folderOf, joinRepoPath } from '../manifest/paths.js';
import { hasDollar } from '../plan/named-paths.js';
import { plainSecrets } from '../secret/plain.js';
import { beneathRoot, type Roots } from './import-projects.js';

/** Of one compose file; nobody has more, and each costs the host a look. */
const MAX_NAMED = 1_000;

export interface NamedFile {
  /** Beneath remote_root. */
  readonly path: string;
  /** `values`: an env file or a secret of compose. */
  readonly role: 'values' | 'config' | 'mount';
  /** It holds values, or is called as if it did: its bytes are never asked for. */
  readonly unread: boolean;
  readonly required: boolean;
  /** The container cannot write it. */
  readonly readOnly: boolean;
  readonly services: readonly string[];
}

const ENV_NAME = /^(\.env(\..+)?|.+\.env)$/i;

/** @returns null where there are too many */
export function namedFiles(
  compose: ComposeFile,
  services: readonly string[],
  composeFile: string,
  roots: Roots,
): NamedFile[] | null {
  const folder = folderOf(composeFile);
  const relative = (path: string): string | null => (hasDollar(path) ? null : joinRepoPath(folder, path));
  const envFile = (path: string): string | null =>
    path.startsWith('/') || path.startsWith('~') ? beneathRoot(path, roots) : relative(path);
  // Also of services that have no container.
  const values = new Set<string | null>();
  for (const service of compose.services.keys()) {
    const { envFiles, files } = references(compose, service);
    for (const { path } of envFiles) values.add(envFile(path));
    for (const { path, kind } of files) if (kind === 'secret') values.add(relative(path));
  }
  const named = new Map<string, NamedFile>();
  const add = (
    path: string | null,
    role: NamedFile['role'],
    service: string,
    required: boolean,
    readOnly: boolean,
  ): void => {
    if (path === null || path === '' || path === composeFile) return;
    const before = named.get(path);
    named.set(path, {
      path,
      // A file in two roles is treated as the one that says less about it.
      role: before && ORDER.indexOf(before.role) < ORDER.indexOf(role) ? before.role : role,
      unread: values.has(path) || ENV_NAME.test(path.slice(path.lastIndexOf('/') + 1)),
      required: required || before?.required === true,
      readOnly: readOnly && before?.readOnly !== false,
      services: [...new Set([...(before?.services ?? []), service])],
    });
  };
  for (const service of services) {
    const { envFiles, files } = references(compose, service);
    for (const { path, required } of envFiles) add(envFile(path), 'values', service, required, true);
    for (const { path, kind } of files) {
      if (kind !== 'mount') add(relative(path), kind === 'secret' ? 'values' : 'config', service, true, true);
    }
    for (const { source, readOnly } of binds(compose, service)) {
      add(
        source.startsWith('/') ? beneathRoot(source, roots) : joinRepoPath(folder, source),
        'mount',
        service,
        false,
        readOnly,
      );
    }
    add(joinRepoPath(folder, '.env'), 'values', service, false, true);
    if (named.size > MAX_NAMED) return null;
  }
  return [...named.values()];
}

const ORDER: readonly NamedFile['role'][] = ['values', 'config', 'mount'];

/** Bind mounts whose source holds no variable: the others are decided on the host, and stay there. */
function binds(compose: ComposeFile, service: string): { source: string; readOnly: boolean }[] {
  const value = member(compose.services.get(service) ?? {}, 'volumes');
  return (isList(value) ? value : []).flatMap((item) => {
    const mount = readMount(mapStrings(item, mask));
    if (!('type' in mount) || mount.type !== 'bind' || mount.source === null) return [];
    return isOpen(mount.source) || mount.source.startsWith('~')
      ? []
      : [{ source: mount.source, readOnly: mount.readOnly === true }];
  });
}

/** `data`: neither in the commit nor in host_files, so nobody but the service touches it (P-15). `why` is for the comment in stack.yaml. */
export type Fate =
  | { readonly fate: 'copy'; readonly bytes: Uint8Array; readonly mode: string }
  | { readonly fate: 'host file'; readonly why: string | null }
  | { readonly fate: 'data'; readonly why: string | null };

const HOST_FILE: Fate = { fate: 'host file', why: null };

/** What becomes of a named file, from what the host said of it. `inRepo`: the checkout has one at its place, so nothing new would get there. */
export function fateOf(named: NamedFile, seen: RemoteFile, inRepo = false): Fate {
  if (named.role === 'values') {
    const there = seen.kind !== 'absent' && seen.kind !== 'hidden';
    return there || named.required ? HOST_FILE : { fate: 'data', why: null };
  }
  if (seen.kind === 'file') {
    if (seen.bytes === null) return inRepo ? { fate: 'data', why: null } : HOST_FILE;
    // What the container may write is the service's own, unless it is plainly text that somebody wrote.
    const own = named.role === 'mount' && !named.readOnly && seen.bytes.includes(0);
    if (own) return { fate: 'data', why: 'the container writes it, and it is no text' };
    const secrets = inRepo ? [] : plainSecrets(seen.bytes);
    if (secrets.length > 0) return { fate: 'host file', why: linesText(secrets) };
    return { fate: 'copy', bytes: seen.bytes, mode: seen.mode };
  }
  if (named.role === 'config') return HOST_FILE;
  if (seen.kind === 'private' && named.readOnly) return HOST_FILE;
  if (seen.kind === 'private' || seen.kind === 'unreadable')
    return { fate: 'data', why: `mode ${seen.mode}: not for everybody on the host` };
  return { fate: 'data', why: seen.kind === 'large' ? `${seen.size} bytes` : null };
}

/** `line 3`, `lines 3, 7`, and no more of them than a reader looks up. */
export function linesText(lines: readonly number[]): string {
  const shown = lines.slice(0, 5).join(', ');
  return `line${lines.length > 1 ? 's' : ''} ${shown}${lines.length > 5 ? ', ...' : ''}`;
}

/** A path beneath remote_root as `host_files` has it: relative to the compose file's folder. */
export function fromFolder(folder: string, path: string): string {
  const from = folder === '' ? [] : folder.split('/');
  const to = path.split('/');
  let shared = 0;
  while (shared < from.length && shared < to.length - 1 && from[shared] === to[shared]) shared++;
  return [...from.slice(shared).map(() => '..'), ...to.slice(shared)].join('/');
}
