/** What a file system said, in words of ours: a library's message may hold more than a person should see (O-6). */
import { dirname } from 'node:path';
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';

type Code = 'PCTL-FILE-READ' | 'PCTL-FILE-WRITE';

interface Words {
  readonly why: string;
  /** The next thing to do. `path`: of a file that cannot be read it itself, of one that cannot be written its folder. */
  readonly hint: (path: string) => string;
}

const MORE_ROOM = (path: string): string => `make room (df -h ${path}) and run it again: what was there is unchanged`;
const OTHER_NAME = 'name a file, or move the folder away';
const NO_FOLDER = 'move away what stands where a folder should be';

const WORDS: Readonly<Record<string, Words>> = {
  EACCES: { why: 'permission denied', hint: (path) => `ls -ld ${path} shows whose it is and who may` },
  EPERM: {
    why: 'not permitted',
    hint: (path) =>
      `ls -ld ${path} shows whose it is; is it immutable (lsattr), or on a file system without hard links?`,
  },
  EROFS: { why: 'the file system is read-only', hint: () => 'mount it for writing, or work in a checkout elsewhere' },
  ENOSPC: { why: 'no space is left on the device', hint: MORE_ROOM },
  EDQUOT: { why: 'the quota is used up', hint: MORE_ROOM },
  EIO: {
    why: 'the device reported an error',
    hint: () => 'look at the disk (dmesg), then work in a checkout elsewhere',
  },
  ENOENT: {
    why: 'there is no such file or folder',
    hint: () => 'does a link lead nowhere, or was a folder removed meanwhile? Run it again',
  },
  ENOTDIR: { why: 'a part of the path is not a folder', hint: () => NO_FOLDER },
  EISDIR: { why: 'it is a folder', hint: () => OTHER_NAME },
  ERR_FS_EISDIR: { why: 'it is a folder', hint: () => OTHER_NAME },
  ELOOP: {
    why: 'it is a link, or behind one that leads back to itself',
    hint: () => 'put a real file or folder there',
  },
  EMFILE: { why: 'too many files are open', hint: () => 'ulimit -n 4096, and run it again' },
  ENFILE: { why: 'too many files are open on this machine', hint: () => 'end what holds them, and run it again' },
  ENAMETOOLONG: { why: 'the name is too long', hint: () => 'choose a shorter name' },
  NOT_REGULAR: { why: 'it is no regular file', hint: () => 'name a regular file' },
  NOT_REPLACED: {
    why: 'it is no regular file, and would be replaced by one',
    hint: () => 'name a regular file; for standard output: --out -',
  },
};

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
}

/** @returns PlatformError PCTL-FILE-READ or PCTL-FILE-WRITE (2), with what to do about it; a PlatformError as it is */
export function fileError(code: Code, path: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const system = codeOf(error);
  const words = WORDS[system];
  const place = code === 'PCTL-FILE-READ' ? path : dirname(path);
  return new PlatformError({
    code,
    exit: EXIT_TOOL_ERROR,
    summary: `${path} cannot be ${code === 'PCTL-FILE-READ' ? 'read' : 'written'}`,
    where: { file: path },
    why: words?.why ?? system,
    hint: words?.hint(place) ?? `look at it (ls -ld ${place}), and run it again`,
    cause: error,
  });
}
