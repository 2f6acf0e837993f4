/** Whether the work tree is what HEAD says (M-4), byte by byte: neither the index nor filters nor ignore rules have a say. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TreeEntry } from '../../ports.js';
import { blobId } from './objects.js';
import { failure } from './process.js';

/** Entries of the work tree that one call looks at. */
const ENTRIES_MAX = 200_000;

interface Found {
  readonly mode: string;
  readonly size: number;
}

/**
 * Paths beneath `paths` that differ from `tree` in bytes or mode, or exist on one side only; sorted.
 * @throws PlatformError PCTL-GIT-WORK-TREE (2) where there are more files than it looks at
 */
export async function differences(
  root: string,
  tree: readonly TreeEntry[],
  paths: readonly string[],
): Promise<string[]> {
  const wanted = (path: string) => paths.some((p) => p === '' || path === p || path.startsWith(`${p}/`));
  const committed = new Map(tree.filter((entry) => wanted(entry.path)).map((entry) => [entry.path, entry]));
  const submodules = new Set([...committed.values()].filter((e) => e.mode === '160000').map((e) => e.path));
  const found = new Map<string, Found>();
  for (const path of paths) await walk(root, path, submodules, found);

  const differing = new Set<string>();
  for (const path of found.keys()) if (!committed.has(path)) differing.add(path);
  for (const [path, entry] of committed) {
    const here = found.get(path);
    if (!here || here.mode !== entry.mode) differing.add(path);
    else if (entry.mode === '160000') continue;
    else if (here.size !== entry.size || (await idOf(join(root, path), here)) !== entry.id) differing.add(path);
  }
  return [...differing].sort();
}

async function walk(root: string, path: string, submodules: ReadonlySet<string>, found: Map<string, Found>) {
  if (path.split('/').includes('.git')) return;
  const full = join(root, path);
  const stat = await lstat(full).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw failure('PCTL-GIT-WORK-TREE', ['status'], `${path} cannot be read (${error.code ?? 'error'})`);
  });
  if (stat === null) return;
  if (found.size >= ENTRIES_MAX) {
    throw failure('PCTL-GIT-WORK-TREE', ['status'], `more than ${ENTRIES_MAX} files`, 'plan a commit: --sha SHA');
  }
  if (stat.isDirectory()) {
    if (submodules.has(path)) {
      found.set(path, { mode: '160000', size: 0 });
      return;
    }
    for (const name of await readdir(full)) {
      await walk(root, path === '' ? name : `${path}/${name}`, submodules, found);
    }
    return;
  }
  const mode = stat.isSymbolicLink()
    ? '120000'
    : stat.isFile()
      ? (stat.mode & 0o100) !== 0
        ? '100755'
        : '100644'
      : 'other';
  found.set(path, { mode, size: stat.size });
}

async function idOf(full: string, here: Found): Promise<string> {
  if (here.mode === '120000') return blobId(await readlink(full, { encoding: 'buffer' }));
  const hash = createHash('sha1').update(`blob ${here.size}\0`);
  await pipeline(createReadStream(full, { end: Math.max(0, here.size) }), hash);
  return hash.digest('hex');
}
