/** Trees and blobs by their ids: bytes come from the commit, never from the work tree (M-4). */
import { createHash } from 'node:crypto';
import { execa } from 'execa';
import { PlatformError } from '../../errors.js';
import { EXIT_INVALID } from '../../exits.js';
import type { TreeEntry } from '../../ports.js';
import { keepGroup } from './group.js';
import { checkSha } from './names.js';
import { failed, failure, type GitProcess, git, gitArguments, LOCAL_MS, text } from './process.js';

/** Bytes of all blobs of one call together. */
const ALL_MAX = 1024 * 1024 * 1024;
/** `<id> blob <size>\n`, or `<id> missing\n`. */
const HEADER_MAX = 256;
/** The process ended before all was read. */
const ENDED = Symbol('ended');

/** The id of a blob with these bytes. */
export function blobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** What a partial clone lacks of a commit, and the remote that promised it; null where nothing is missing. Nothing is fetched. */
export async function lackingOf(at: GitProcess, sha: string): Promise<{ remote: string; ids: string[] } | null> {
  const promisors = text(
    await git(at, ['config', '--get-regexp', '^remote\\..+\\.promisor$', '^true$'], { ok: [0, 1] }),
  );
  const [, remote] = /^remote\.(.+)\.promisor true$/m.exec(promisors) ?? [];
  if (remote === undefined) return null;
  const objects = text(await git(at, ['rev-list', '--objects', '--missing=print', '--no-walk', checkSha(sha)]));
  const ids = [...objects.matchAll(/^\?([0-9a-f]{40})$/gm)].map(([, id]) => id as string);
  return ids.length === 0 ? null : { remote, ids };
}

/** Every entry of a commit's tree. @throws PlatformError as `git` */
export async function readTree(at: GitProcess, sha: string): Promise<TreeEntry[]> {
  const { stdout } = await git(at, ['ls-tree', '-r', '-l', '-z', '--full-tree', checkSha(sha)]);
  return parseTree(stdout);
}

/** `MODE TYPE ID SIZE\tPATH\0`; names may hold anything but NUL. */
function parseTree(stdout: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(0, at);
    const tab = stdout.indexOf(9, at);
    if (end < 0 || tab < 0 || tab > end) break;
    const [mode = '', , id = '', size = ''] = stdout.toString('latin1', at, tab).split(/ +/);
    entries.push({ mode, id, size: size === '-' ? 0 : Number(size), path: stdout.toString('utf8', tab + 1, end) });
    at = end + 1;
  }
  return entries;
}

/**
 * The bytes of many blobs with one process.
 * @throws PlatformError PCTL-FILE-TOO-LARGE (3) at the first that is larger than `maxBytesEach`; PCTL-GIT-OBJECT (2) where one is missing or no blob
 */
export async function readBlobs(
  at: GitProcess,
  ids: readonly string[],
  maxBytesEach: number,
): Promise<Map<string, Uint8Array>> {
  const wanted = [...new Set(ids.map(checkSha))];
  const found = new Map<string, Uint8Array>();
  if (wanted.length === 0) return found;
  const args = ['cat-file', '--batch'];
  const running = execa('git', gitArguments(at.dir, args), {
    env: { ...at.env },
    extendEnv: false,
    input: `${wanted.join('\n')}\n`,
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    maxBuffer: { stderr: 64 * 1024 },
    reject: false,
    detached: true,
  });
  const group = keepGroup(running, LOCAL_MS);
  const source = reader(running.stdout);
  let total = 0;
  try {
    for (const id of wanted) {
      const header = await source.line(HEADER_MAX);
      const [, type, size] = /^[0-9a-f]{40} ([a-z]+)(?: ([0-9]+))?$/.exec(header ?? '') ?? [];
      if (header === null) throw ENDED;
      if (type !== 'blob' || size === undefined) {
        throw failure('PCTL-GIT-OBJECT', args, `the object ${id} is ${type ?? 'not readable'}`, 'git fsck; git fetch');
      }
      total += Number(size);
      if (Number(size) > maxBytesEach || total > ALL_MAX) throw tooLarge(id, Number(size), maxBytesEach);
      const bytes = await source.take(Number(size) + 1);
      if (bytes === null) throw ENDED;
      found.set(id, bytes.subarray(0, bytes.length - 1));
    }
  } catch (error) {
    group.stop();
    if (error !== ENDED && !group.late()) throw error;
    const end = await Promise.race([running, group.killed]);
    if (end === null || group.late()) throw failure('PCTL-GIT-TIMEOUT', args, `no answer within ${LOCAL_MS / 1000} s`);
    throw failed(args, Buffer.from(end.stderr ?? '').toString('utf8'));
  }
  await running;
  return found;
}

function tooLarge(id: string, size: number, max: number): PlatformError {
  return new PlatformError({
    code: 'PCTL-FILE-TOO-LARGE',
    exit: EXIT_INVALID,
    summary: `a file of the commit is larger than is read: ${size} bytes, at most ${max}`,
    where: { file: `blob ${id}` },
    hint: 'keep large data out of the repository',
  });
}

/** Reads lines and exact counts from a stream of chunks; null at its end. */
function reader(stream: AsyncIterable<unknown>) {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<Buffer | null> => {
    const next = await chunks.next();
    return next.done ? null : Buffer.from(next.value as Uint8Array);
  };
  return {
    async line(max: number): Promise<string | null> {
      for (;;) {
        const end = rest.indexOf(10);
        if (end >= 0) {
          const line = rest.toString('latin1', 0, end);
          rest = rest.subarray(end + 1);
          return line;
        }
        if (rest.length > max) return null;
        const chunk = await more();
        if (chunk === null) return null;
        rest = Buffer.concat([rest, chunk]);
      }
    },
    async take(count: number): Promise<Buffer | null> {
      const parts: Buffer[] = [rest];
      let have = rest.length;
      while (have < count) {
        const chunk = await more();
        if (chunk === null) return null;
        parts.push(chunk);
        have += chunk.length;
      }
      const all = parts.length === 1 ? rest : Buffer.concat(parts);
      rest = all.subarray(count);
      return Buffer.from(all.subarray(0, count));
    },
  };
}
