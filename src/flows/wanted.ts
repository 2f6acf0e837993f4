/** What a commit, or the work tree, wants: its tree and manifests in one pass (M-4, M-5), and bytes of further files when somebody asks for them. */

import type { ParsedCompose } from '../compose/model.js';
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import {
  type Loaded,
  MANIFEST_MAX_BYTES,
  manifestPaths,
  type ReadManifests,
  readManifests,
  wantedOf,
} from '../manifest/load.js';
import type { ServiceModule } from '../manifest/model.js';
import { CONFIG_PATH } from '../manifest/platform.js';
import type { Git, TreeEntry, WorkTree, World } from '../ports.js';
import { neededBy, readAll, refusedBySize } from './compose-files.js';

/** Bytes of one file that goes into a plan. */
const FILE_MAX_BYTES = 64 * 1024 * 1024;
/** Work tree files read at once. */
const AT_ONCE = 16;

export type WantedSource =
  | { readonly sha: string }
  /** `withoutCommit`: a repo without commits is read too, with sha '' (validate, straight after init). */
  | { readonly workTree: true; readonly withoutCommit?: boolean };

export interface Gathered {
  /** The commit, or HEAD where the work tree is read. */
  readonly sha: string;
  /** The branch that HEAD is on; null: detached, or a commit was named that HEAD is not at. */
  readonly branch: string | null;
  readonly workTree: boolean;
  readonly wanted: Loaded;
  /** Compose files that were read on the way, those of stacks (M-9), and those that are too large to be read. */
  readonly compose: ReadonlyMap<string, ParsedCompose>;
  /** Every file of the tree. */
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** Bytes of regular files of the tree; paths that are none, and compose files that are too large, are left out. One process however many. */
  readonly read: (paths: readonly string[]) => Promise<Map<string, Uint8Array>>;
  /** config.yaml; empty where there is none. */
  readonly platformBytes: Uint8Array;
  /** Paths whose bytes or mode differ from HEAD or that exist in one only. Empty for a commit. Callers look only at those of a plan (M-4). */
  readonly dirtyPaths: readonly string[];
}

/**
 * Gathers everything with a constant number of processes.
 * @throws PlatformError PCTL-GIT-NO-COMMIT (2) and what git, the disk and reading throw
 */
export async function gatherWanted(world: Pick<World, 'workTree'>, git: Git, source: WantedSource): Promise<Gathered> {
  const head = await headOf(git, 'withoutCommit' in source && source.withoutCommit === true);
  const sha = 'sha' in source ? source.sha : head.sha;
  const committed = sha === '' ? [] : await git.tree(sha);
  const disk = 'sha' in source ? null : diskOf(world);
  const list = disk ? await disk.entries(git.root) : committed;
  const entries = new Map(list.map((entry) => [entry.path, entry]));
  const read = disk
    ? (paths: readonly string[], max: number) => readDisk(disk, git.root, entries, paths, max)
    : (paths: readonly string[], max: number) => readCommit(git, entries, paths, max);

  // A manifest that is too large is not read; loadWanted says so at its place.
  const manifests = manifestPaths(list).filter((path) => entries.get(path)!.size <= MANIFEST_MAX_BYTES);
  const bytes = await read(manifests, MANIFEST_MAX_BYTES);
  const manifest = readManifests({ entries: list, bytes });
  const refused = refusedBySize(manifest.modules.values(), entries);
  const readFiles = (paths: readonly string[]) =>
    read(
      paths.filter((path) => !refused.has(path)),
      FILE_MAX_BYTES,
    );
  const compose = new Map([...refused, ...(await stackFiles(manifest, readFiles))]);
  return {
    sha,
    branch: sha === head.sha ? head.branch : null,
    workTree: disk !== null,
    wanted: wantedOf(manifest, neededBy(compose)),
    compose,
    entries,
    read: readFiles,
    platformBytes: bytes.get(CONFIG_PATH) ?? new Uint8Array(),
    dirtyPaths: disk ? differing(committed, list) : [],
  };
}

/** The module of an id as a commit declares it; null: it does not, or is not here. */
export type DeclaredAt = (sha: string, id: string) => Promise<ServiceModule | null>;

/** Each commit is read once, however many modules are asked for. */
export function declarations(world: Pick<World, 'workTree'>, git: Git): DeclaredAt {
  const commits = new Map<string, ReturnType<typeof modulesAt>>();
  return async (sha, id) => {
    const modules = commits.get(sha) ?? modulesAt(world, git, sha);
    commits.set(sha, modules);
    return (await modules).get(id) ?? null;
  };
}

/** The modules that a commit declares; none where it is not here. */
async function modulesAt(world: Pick<World, 'workTree'>, git: Git, sha: string): Promise<Loaded['modules']> {
  if ((await git.resolve(sha)) === null) return new Map();
  return (await gatherWanted(world, git, { sha })).wanted.modules;
}

/** The compose files of stacks, which say what their modules depend on. */
async function stackFiles(
  { modules, stacks }: ReadManifests,
  read: Gathered['read'],
): Promise<ReadonlyMap<string, ParsedCompose>> {
  if (stacks.size === 0) return new Map();
  const members = [...modules.values()].filter((module) => module.stack !== null);
  return readAll(members, read);
}

async function headOf(git: Git, withoutCommit: boolean): Promise<{ sha: string; branch: string | null }> {
  try {
    return await git.head();
  } catch (error) {
    if (withoutCommit && error instanceof PlatformError && error.code === 'PCTL-GIT-NO-COMMIT') {
      return { sha: '', branch: null };
    }
    throw error;
  }
}

function diskOf(world: Pick<World, 'workTree'>): WorkTree {
  if (world.workTree) return world.workTree;
  throw new PlatformError({
    code: 'PCTL-NO-WORK-TREE',
    exit: EXIT_TOOL_ERROR,
    summary: 'there is no work tree to read here',
    hint: 'name a commit: --sha SHA',
  });
}

const regular = (entry: TreeEntry | undefined): entry is TreeEntry =>
  entry?.mode === '100644' || entry?.mode === '100755';

async function readCommit(
  git: Git,
  entries: ReadonlyMap<string, TreeEntry>,
  paths: readonly string[],
  max: number,
): Promise<Map<string, Uint8Array>> {
  const wanted = paths.map((path) => entries.get(path)).filter(regular);
  const blobs =
    wanted.length === 0
      ? new Map<string, Uint8Array>()
      : await git.blobs([...new Set(wanted.map(({ id }) => id))], max);
  const found = new Map<string, Uint8Array>();
  for (const { path, id } of wanted) {
    const bytes = blobs.get(id);
    if (bytes) found.set(path, bytes);
  }
  return found;
}

async function readDisk(
  disk: WorkTree,
  root: string,
  entries: ReadonlyMap<string, TreeEntry>,
  paths: readonly string[],
  max: number,
): Promise<Map<string, Uint8Array>> {
  const wanted = [...new Set(paths)].filter((path) => regular(entries.get(path)));
  const found = new Map<string, Uint8Array>();
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    const some = wanted.slice(at, at + AT_ONCE);
    const bytes = await Promise.all(some.map((path) => disk.read(root, path, max)));
    for (const [index, path] of some.entries()) {
      const one = bytes[index];
      if (one) found.set(path, one);
    }
  }
  return found;
}

function differing(committed: readonly TreeEntry[], now: readonly TreeEntry[]): string[] {
  const before = new Map(committed.map((entry) => [entry.path, entry]));
  const paths: string[] = [];
  for (const entry of now) {
    const old = before.get(entry.path);
    before.delete(entry.path);
    // Of a submodule only its presence is known: no bytes of it are ever delivered.
    if (!old || old.mode !== entry.mode || (entry.mode !== '160000' && old.id !== entry.id)) paths.push(entry.path);
  }
  return [...paths, ...before.keys()].sort();
}
