/** The `Files` port: documents of this checkout, written so that a crash at any moment leaves the old or the new one. */
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PlatformError } from '../../errors.js';
import { EXIT_INVALID, EXIT_TOOL_ERROR } from '../../exits.js';
import type { Files } from '../../ports.js';
import { codeOf, fileError } from '../file-error.js';
import { locked } from './lock.js';

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
/** The longest last line that `append` hands over. Bytes. */
const LINE_MAX = 1024 * 1024;
let made = 0;

/** Errors besides those of the port: PCTL-FILE-READ, PCTL-FILE-WRITE (2). */
export function createFiles(): Files {
  return {
    async read(path, max) {
      try {
        return await readAll(path, max);
      } catch (error) {
        if (ABSENT.has(codeOf(error))) return null;
        throw fileError('PCTL-FILE-READ', path, error);
      }
    },
    async write(path, bytes, options = {}) {
      try {
        await writeWhole(path, bytes, options);
      } catch (error) {
        throw fileError('PCTL-FILE-WRITE', path, error);
      }
    },
    async append(path, line) {
      try {
        await makeFolder(dirname(path));
        await locked(path, () => appendLine(path, line));
      } catch (error) {
        throw fileError('PCTL-FILE-WRITE', path, error);
      }
    },
    async list(path) {
      try {
        return (await readdir(path)).sort();
      } catch (error) {
        if (ABSENT.has(codeOf(error))) return [];
        throw fileError('PCTL-FILE-READ', path, error);
      }
    },
    async remove(path) {
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw fileError('PCTL-FILE-WRITE', path, error);
      }
    },
  };
}

/** A regular file only: opening a pipe or a device could wait for ever. */
async function readAll(path: string, max: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size, ...info } = await file
      .stat()
      .then((s) => ({ size: s.size, isFile: s.isFile(), isFolder: s.isDirectory() }));
    if (!info.isFile) throw Object.assign(new Error('no file'), { code: info.isFolder ? 'EISDIR' : 'NOT_REGULAR' });
    if (size > max) throw tooLarge(path, max);
    const bytes = Buffer.alloc(Math.min(max, size) + 1);
    let read = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, read, bytes.length - read, read);
      if (bytesRead === 0) return bytes.subarray(0, read);
      read += bytesRead;
      // It grew since it was looked at.
      if (read > size) throw tooLarge(path, size);
    }
  } finally {
    await file.close();
  }
}

async function writeWhole(
  path: string,
  bytes: Uint8Array,
  options: { mode?: number; ifAbsent?: boolean; beneath?: string },
): Promise<void> {
  const folder = dirname(path);
  if (options.beneath !== undefined) await refuseOutside(path, options.beneath);
  const before = options.ifAbsent ? undefined : await modeBefore(path);
  const mode = options.mode ?? before;
  await makeFolder(folder);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${made++}.tmp`);
  // What a killed process with this number left is not needed by anybody.
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', mode ?? 0o644);
  try {
    try {
      await file.writeFile(bytes);
      if (mode !== undefined) await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.ifAbsent) await linkNew(temporary, path);
    else await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/** The mode of the file that will be replaced, or of what a link to one leads to; undefined: there is none. Nothing else is replaced: a pipe, /dev/stdout. */
async function modeBefore(path: string): Promise<number | undefined> {
  const before = await stat(path).catch(unlessAbsent);
  if (before === null) return undefined;
  if (before.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  // /dev/stdout may lead to a file, but is none.
  const leadsTo = await readlink(path).catch(() => '');
  if (!before.isFile() || leadsTo.startsWith('/proc/'))
    throw Object.assign(new Error('no file'), { code: 'NOT_REPLACED' });
  return before.mode & 0o777;
}

function unlessAbsent(error: unknown): null {
  if (ABSENT.has(codeOf(error))) return null;
  throw error;
}

/** A folder on the way that is a link must not lead out of `root`. */
async function refuseOutside(path: string, root: string): Promise<void> {
  const real = await realpath(root);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const at = await realpath(folder).catch((error) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (at === null) continue;
    if (at === real || at.startsWith(`${real}/`)) return;
    throw new PlatformError({
      code: 'PCTL-FILE-OUTSIDE',
      exit: EXIT_TOOL_ERROR,
      summary: `${path} would lie outside of ${root}`,
      where: { file: path },
      why: `${folder} is a link that leads to ${at}`,
      hint: 'put a real folder there',
    });
  }
}

async function linkNew(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? exists(path) : error;
  }
}

/** One whole line in one write, after what a killed writer left of its own was cut off. */
async function appendLine(path: string, line: (lastLine: string | null) => string): Promise<void> {
  // A link, which a commit can bring along, could lead to any file of this person's; a half line at its end would be cut off.
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o644);
  try {
    const { size } = await file.stat();
    const { end, last } = await lastLine(file, size);
    if (end < size) await file.truncate(end);
    const text = line(last);
    if (text.includes('\n')) throw new RangeError('an appended line cannot hold a newline');
    const bytes = Buffer.from(`${text}\n`, 'utf8');
    let written = 0;
    try {
      written = (await file.write(bytes)).bytesWritten;
    } finally {
      if (written !== bytes.length) await file.truncate(end).catch(() => undefined);
    }
    if (written !== bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    await file.sync();
    if (size === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}

/** Where the whole lines end, and the last of them. */
async function lastLine(file: FileHandle, size: number): Promise<{ end: number; last: string | null }> {
  const from = Math.max(0, size - 2 * LINE_MAX);
  const bytes = Buffer.alloc(size - from);
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, from + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  const newline = bytes.lastIndexOf(0x0a);
  if (newline < 0) {
    if (from > 0) throw Object.assign(new Error('line too long'), { code: 'a line of it is longer than 2 MiB' });
    return { end: 0, last: null };
  }
  const start = bytes.lastIndexOf(0x0a, newline - 1) + 1;
  return { end: from + newline + 1, last: newline === 0 ? '' : bytes.toString('utf8', start, newline) };
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true }).catch((error) => {
    throw codeOf(error) === 'EEXIST' ? Object.assign(new Error('no folder'), { code: 'ENOTDIR' }) : error;
  });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function exists(path: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-FILE-EXISTS',
    exit: EXIT_TOOL_ERROR,
    summary: `${path} is there already`,
    where: { file: path },
    hint: 'move it away, or name another file',
  });
}

function tooLarge(path: string, max: number): PlatformError {
  return new PlatformError({
    code: 'PCTL-FILE-TOO-LARGE',
    exit: EXIT_INVALID,
    summary: `${path} is larger than ${max} bytes`,
    where: { file: path },
    hint: 'is it the file that was meant? Nothing of that kind grows so large',
  });
}
