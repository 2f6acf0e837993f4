/** What a file system said, in words of ours: a library's message may hold more than a person should see (O-6). */
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  EIO: 'the device reported an error',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'too many symlinks',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
};

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown error';
}

/** @returns PlatformError PCTL-FILE-READ or PCTL-FILE-WRITE (2); a PlatformError as it is */
export function fileError(code: 'PCTL-FILE-READ' | 'PCTL-FILE-WRITE', path: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const system = codeOf(error);
  return new PlatformError({
    code,
    exit: EXIT_TOOL_ERROR,
    summary: `${path} cannot be ${code === 'PCTL-FILE-READ' ? 'read' : 'written'}`,
    where: { file: path },
    why: WORDS[system] ?? system,
    cause: error,
  });
}
