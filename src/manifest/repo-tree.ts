/** A commit's tree as names and modes: what a path that a manifest names may be (M-4). */
import { shown } from './findings.js';
import { folderOf, isBeneath, normaliseRepoPath, repoPathFlaw, SACRED_NAMES } from './paths.js';

export const SYMLINK = '120000';
export const SUBMODULE = '160000';

export interface NamedEntry {
  readonly path: string;
  readonly mode: string;
}

export interface RepoTree {
  readonly modes: ReadonlyMap<string, string>;
  readonly folders: ReadonlySet<string>;
  /** Symlinks and submodules: few. */
  readonly links: readonly NamedEntry[];
}

export function repoTree(entries: Iterable<NamedEntry>): RepoTree {
  const modes = new Map<string, string>();
  const folders = new Set<string>();
  const links: NamedEntry[] = [];
  for (const { path, mode } of entries) {
    modes.set(path, mode);
    if (mode === SYMLINK || mode === SUBMODULE) links.push({ path, mode });
    for (let folder = folderOf(path); folder !== '' && !folders.has(folder); folder = folderOf(folder))
      folders.add(folder);
  }
  return { modes, folders, links };
}

export interface PathFlaw {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const linkName = (mode: string): string => (mode === SYMLINK ? 'a symlink' : 'a submodule');

export const linkCode = (mode: string): string => (mode === SYMLINK ? 'PCTL-PATH-SYMLINK' : 'PCTL-PATH-SUBMODULE');

/**
 * What is wrong with a repo path that a manifest names, null: nothing. Where it is right the path is a file of the tree, or with `folders` also a folder without
 * a link beneath it.
 */
export function namedPathFlaw(tree: RepoTree, written: string, what: string, folders: boolean): PathFlaw | null {
  const flaw = shapeFlaw(written, what);
  if (flaw) return flaw;
  const path = normaliseRepoPath(written);
  for (let above = path; above !== ''; above = folderOf(above)) {
    const mode = tree.modes.get(above);
    if (mode === SYMLINK || mode === SUBMODULE) {
      return {
        code: linkCode(mode),
        message:
          above === path
            ? `${what} ${path} is ${linkName(mode)}`
            : `${what} ${path} goes through ${above}, which is ${linkName(mode)}`,
        hint: 'name the real file',
      };
    }
  }
  if (tree.modes.has(path)) return null;
  if (!tree.folders.has(path))
    return {
      code: 'PCTL-PATH-MISSING',
      message: `${what} ${path} is not in the repo`,
      hint: 'add it and commit it, or correct the path',
    };
  if (!folders) return { code: 'PCTL-PATH-FOLDER', message: `${what} ${path} is a folder`, hint: 'name a file in it' };
  const inside = tree.links.find((link) => isBeneath(link.path, path));
  return inside
    ? {
        code: linkCode(inside.mode),
        message: `${what} ${path} has ${inside.path} in it, which is ${linkName(inside.mode)}`,
        hint: 'put the real file there',
      }
    : null;
}

/** What is wrong with the text of a repo path, whatever the tree holds. */
export function shapeFlaw(written: string, what: string): PathFlaw | null {
  const flaw = repoPathFlaw(written);
  if (flaw)
    return {
      code: 'PCTL-PATH',
      message: `${what} ${shown(written)} ${flaw}`,
      hint: 'a path in this repo, going only downwards: compose/core/compose.yaml',
    };
  const sacred = written.split('/').find((part) => SACRED_NAMES.includes(part));
  return sacred
    ? {
        code: 'PCTL-PATH-SACRED',
        message: `${what} lies beneath ${sacred}, which is sacred (G-5)`,
        hint: 'move it elsewhere',
      }
    : null;
}
