/** The work tree as `validate` and `plan` without `--sha` read it (M-4): what git tracks or would track, as it lies there now. Ignored files are not in it. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '../../errors.js';
import { EXIT_INVALID } from '../../exits.js';
import type { TreeEntry, WorkTree } from '../../ports.js';
import { fileError } from '../file-error.js';
import { blobId } from './objects.js';
import { childEnvironment, failure, git } from './process.js';

/** Entries; a repo with more is planned by commit. */
const ENTRIES_MAX = 200_000;
/** Larger files are not hashed: nothing that size is delivered. */
const HASHED_MAX = 256 * 1024 * 1024;
const AT_ONCE = 16;
/** Bytes of a file that are in memory while it is hashed. */
const PIECE = 256 * 1024;
const NO_ID = '0'.repeat(40);

/** @param env the environment that git gets (M-6) */
export function workTree(env: Record<string, string>): WorkTree {
  const child = childEnvironment(env);
  return {
    async entries(root) {
      const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--full-name'];
      const { stdout } = await git({ dir: root, env: child }, args);
      const paths = [...new Set(stdout.toString('utf8').split('\0'))].filter((path) => path !== '');
      if (paths.length > ENTRIES_MAX) {
        throw failure('PCTL-GIT-WORK-TREE', args, `more than ${ENTRIES_MAX} files`, 'name a commit: --sha SHA');
      }
      const entries: TreeEntry[] = [];
      for (let at = 0; at < paths.length; at += AT_ONCE) {
        const some = await Promise.all(
          paths.slice(at, at + AT_ONCE).map((path) => entryOf(root, path.replace(/\/$/, ''))),
        );
        for (const entry of some) if (entry) entries.push(entry);
      }
      return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    read: (root, path, max) => readPlain(join(root, path), path, max),
  };
}

async function entryOf(root: string, path: string): Promise<TreeEntry | null> {
  const full = join(root, path);
  const stat = await lstat(full).catch((error: NodeJS.ErrnoException) => {
    // Deleted since it was committed, or its folder is a file or link now.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw fileError('PCTL-FILE-READ', path, error);
  });
  if (stat === null) return null;
  if (stat.isSymbolicLink()) {
    const target = await readlink(full, { encoding: 'buffer' });
    return { path, mode: '120000', id: blobId(target), size: target.length };
  }
  // git names a folder only where it is a repository of its own.
  if (stat.isDirectory()) return { path, mode: '160000', id: NO_ID, size: 0 };
  if (!stat.isFile()) return null;
  const mode = (stat.mode & 0o100) !== 0 ? '100755' : '100644';
  if (stat.size > HASHED_MAX) return { path, mode, id: NO_ID, size: stat.size };
  return withPlain(full, path, async (file, size) => ({ path, mode, id: await idOf(file, size), size }));
}

/** The id of a blob, a piece at a time: a repo's largest files never lie in memory. One that changes while it is read is no blob that git knows. */
async function idOf(file: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha1').update(`blob ${size}\0`);
  const piece = Buffer.allocUnsafe(Math.min(PIECE, size + 1));
  let read = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.length, read);
    if (bytesRead === 0) break;
    read += bytesRead;
    if (read > size) break;
    hash.update(piece.subarray(0, bytesRead));
  }
  return read === size ? hash.digest('hex') : NO_ID;
}

async function readPlain(full: string, path: string, max: number): Promise<Uint8Array | null> {
  return withPlain(full, path, async (file, size) => {
    if (size > max) {
      throw new PlatformError({
        code: 'PCTL-FILE-TOO-LARGE',
        exit: EXIT_INVALID,
        summary: `${path} is larger than ${max} bytes`,
        where: { file: path },
        hint: 'keep large data out of the repository',
      });
    }
    return file.readFile();
  });
}

/** Opens without following a link, so that what is read is what was listed. null: no regular file. */
async function withPlain<T>(
  full: string,
  path: string,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T | null> {
  let file: FileHandle;
  try {
    file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw fileError('PCTL-FILE-READ', path, error);
  }
  try {
    const stat = await file.stat();
    return stat.isFile() ? await use(file, stat.size) : null;
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? fileError('PCTL-FILE-READ', path, error) : error;
  } finally {
    await file.close();
  }
}
