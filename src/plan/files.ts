/** Which files a service needs, and where they come from (M-8, P-15). Pure: the commit's tree and the compose file's references in, a list out. */
import type { References } from '../compose/model.js';
import type { Problem, Where } from '../errors.js';
import type { HostConfig, ServiceModule } from '../manifest/model.js';
import { folderOf, isBeneath, joinRepoPath } from '../manifest/paths.js';
import type { Plan } from '../manifest/types.js';
import { hasDollar } from './named-paths.js';

export type PlannedFile = Plan['files'][number];
export type Role = PlannedFile['role'];

export interface TreeFile {
  readonly path: string;
  readonly mode: string;
  readonly id: string;
}

/** A file that the plan holds, before its bytes were read. */
export interface WantedFile {
  /** Beneath remote_root. */
  readonly path: string;
  readonly source: 'commit' | 'host';
  readonly role: Role;
  /** Repo path and blob of a file of the commit. */
  readonly entry: TreeFile | null;
  readonly required: boolean;
}

/** A mount source that the commit does not have: data of the service, or a file that must be on the host already. */
export interface MountSource {
  readonly path: string;
  readonly looksLikeFile: boolean;
  readonly where: Where;
}

export interface WantedFiles {
  readonly files: readonly WantedFile[];
  readonly mounts: readonly MountSource[];
  readonly dotenv: 'commit' | 'host' | 'none';
  /** How the service itself names the `.env`, beside what compose takes from it. */
  readonly dotenvRoles: readonly Role[];
  readonly problems: readonly Problem[];
}

/** The symlink or submodule of the commit that a path goes through. */
function linkAbove(tree: Tree, path: string): string | null {
  for (let above = folderOf(path); above !== ''; above = folderOf(above)) if (tree.file(above)) return above;
  return null;
}

/** The `.env` beside a module's compose file, in the repo. */
export const dotenvOf = ({ composeFile }: Pick<ServiceModule, 'composeFile'>): string =>
  joinRepoPath(folderOf(composeFile), '.env') as string;

/** In which roles a service names the `.env` beside its compose file, in whatever spelling, or a folder that has it; for paths without variables. */
export function dotenvRoles(
  module: Pick<ServiceModule, 'composeFile'>,
  { envFiles, files }: Pick<References, 'envFiles' | 'files'>,
): Role[] {
  const named = [...envFiles.map(({ path }) => ({ path, kind: 'env_file' as const })), ...files];
  return named.flatMap(({ path, kind }) => {
    const repoPath = path.startsWith('/') ? null : joinRepoPath(folderOf(module.composeFile), path);
    return repoPath !== null && isBeneath(dotenvOf(module), repoPath) ? [kind] : [];
  });
}

/** The path beneath remote_root of a repo path beneath repo_root; null outside. */
export function onHost(host: Pick<HostConfig, 'repoRoot'>, repoPath: string): string | null {
  if (host.repoRoot === '') return repoPath;
  return repoPath.startsWith(`${host.repoRoot}/`) ? repoPath.slice(host.repoRoot.length + 1) : null;
}

/** The repo path of a path beneath remote_root. */
export const inRepo = (host: Pick<HostConfig, 'repoRoot'>, path: string): string =>
  host.repoRoot === '' ? path : `${host.repoRoot}/${path}`;

/** A name with an ending is a file, `conf.d` and names without one are folders. */
function looksLikeFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return /^.+\.[A-Za-z0-9]+$/.test(name) && !name.endsWith('.d');
}

/** The reader of a commit's tree, with folders. */
export interface Tree {
  file(path: string): TreeFile | undefined;
  beneath(folder: string): readonly TreeFile[];
}

export function treeOf(entries: Iterable<TreeFile>): Tree {
  const files = new Map<string, TreeFile>();
  const folders = new Map<string, TreeFile[]>();
  for (const entry of entries) {
    files.set(entry.path, entry);
    for (let folder = folderOf(entry.path); folder !== ''; folder = folderOf(folder)) {
      const inside = folders.get(folder);
      if (inside) inside.push(entry);
      else folders.set(folder, [entry]);
    }
  }
  return { file: (path) => files.get(path), beneath: (folder) => folders.get(folder) ?? [] };
}

/** Everything that a module's plan is about, from the tree and the references. `references.files` must hold resolved paths where it can. */
export function wantedFiles(module: ServiceModule, host: HostConfig, references: References, tree: Tree): WantedFiles {
  const folder = folderOf(module.composeFile);
  const problems: Problem[] = [];
  const files = new Map<string, WantedFile>();
  const mounts: MountSource[] = [];
  const hostFiles = new Set<string>();
  const problem = (code: string, where: Where, message: string, hint: string) =>
    problems.push({
      code,
      file: where.file ?? module.composeFile,
      line: where.line ?? 1,
      column: where.column ?? 1,
      message,
      hint,
    });

  const add = (file: WantedFile) => {
    const before = files.get(file.path);
    // A path in two roles keeps the one that compose does not look into, since that one needs a forced recreate.
    if (!before || (before.role === 'env_file' && file.role !== 'env_file') || before.role === 'extra')
      files.set(file.path, file);
  };
  const addEntry = (entry: TreeFile, role: Role, where: Where) => {
    const path = onHost(host, entry.path);
    if (path === null) {
      problem(
        'PCTL-FILE-OUTSIDE',
        where,
        `${entry.path} is outside of the host's repo_root ${host.repoRoot}`,
        'move it beneath repo_root',
      );
    } else if (entry.mode === '120000' || entry.mode === '160000') {
      const kind = entry.mode === '120000' ? 'symlink' : 'submodule';
      problem('PCTL-FILE-SYMLINK', where, `${entry.path} is a ${kind} in the commit`, 'commit the file itself');
    } else add({ path, source: 'commit', role, entry, required: true });
  };

  for (const path of module.hostFiles) {
    const repoPath = joinRepoPath(folder, path);
    const target = repoPath === null ? null : onHost(host, repoPath);
    if (target === null || repoPath === null) {
      problem(
        'PCTL-FILE-OUTSIDE',
        { file: module.manifestPath },
        `host file ${path} is outside of the host's repo_root`,
        'name it relative to the compose file, beneath repo_root',
      );
      continue;
    }
    hostFiles.add(repoPath);
    if (tree.file(repoPath)) {
      problem(
        'PCTL-HOST-FILE-BOTH',
        { file: module.manifestPath },
        `${repoPath} is in host_files and in the commit`,
        'remove it from one of the two: a secret belongs on the host only',
      );
      continue;
    }
    const role: Role = path === '.env' ? 'dotenv' : 'extra';
    add({ path: target, source: 'host', role, entry: null, required: true });
  }

  const named = (path: string, role: Role, where: Where, required: boolean): void => {
    if (hasDollar(path)) return;
    const repoPath = path.startsWith('/') ? null : joinRepoPath(folder, path);
    if (repoPath === null || repoPath === '' || onHost(host, repoPath) === null) {
      if (role !== 'mount' || !path.startsWith('/')) {
        problem(
          'PCTL-FILE-OUTSIDE',
          where,
          `${path} is outside of the host's repo_root`,
          'name a path beneath the compose file, or beneath repo_root',
        );
      }
      return;
    }
    const target = onHost(host, repoPath) as string;
    const link = linkAbove(tree, repoPath);
    if (link !== null) {
      problem(
        'PCTL-FILE-SYMLINK',
        where,
        `${path} goes through ${link}, which is no folder in the commit`,
        'name the real path',
      );
      return;
    }
    if (hostFiles.has(repoPath)) {
      add({ path: target, source: 'host', role, entry: null, required: true });
      return;
    }
    const entry = tree.file(repoPath);
    if (entry) {
      addEntry(entry, role, where);
      return;
    }
    const inside = tree.beneath(repoPath);
    if (inside.length > 0 && role === 'mount') {
      for (const one of inside) addEntry(one, role, where);
      return;
    }
    if (role === 'mount') {
      // The text and what the host resolved name the same one; the text knows its line.
      if (!mounts.some((one) => one.path === target))
        mounts.push({ path: target, looksLikeFile: looksLikeFile(repoPath), where });
      return;
    }
    if (!required) return;
    problem(
      'PCTL-FILE-NOWHERE',
      where,
      `${path} is neither in the commit nor in host_files`,
      `commit it, or list it in host_files of ${module.manifestPath} where it lives only on the host`,
    );
  };

  const compose = tree.file(module.composeFile);
  if (compose) addEntry(compose, 'compose', { file: module.composeFile });
  const dotenvPath = dotenvOf(module);
  const dotenvEntry = tree.file(dotenvPath);
  const dotenv = hostFiles.has(dotenvPath) ? 'host' : dotenvEntry ? 'commit' : 'none';
  if (dotenvEntry) addEntry(dotenvEntry, 'dotenv', { file: dotenvPath });
  for (const file of references.envFiles) named(file.path, 'env_file', file.where, file.required);
  for (const file of references.files) named(file.path, file.kind, file.where, true);
  for (const path of module.files) {
    const where = { file: module.manifestPath };
    const entry = tree.file(path);
    const inside = entry ? [entry] : tree.beneath(path);
    if (inside.length === 0)
      problem(
        'PCTL-FILE-NOWHERE',
        where,
        `${path} of files is not in the commit`,
        'commit it, or take it out of files',
      );
    for (const one of inside) addEntry(one, 'extra', where);
  }
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files: sorted, mounts, dotenv, dotenvRoles: dotenvRoles(module, references), problems };
}
