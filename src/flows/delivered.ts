/** The files of a plan, with the bytes that apply delivers (M-4, M-8). */
import { EXIT_INVALID } from '../exits.js';
import { sha256 } from '../plan/artifact.js';
import type { PlannedFile, WantedFile } from '../plan/files.js';
import { fail, type PlanContext } from './looks.js';
import type { Failure } from './results.js';

export interface DeliveredFiles {
  readonly files: readonly PlannedFile[];
  /** Of those that the commit has, by their paths on the host. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

/** A file of the commit that is a pointer of git-lfs ends it: the service would get the pointer. */
export async function deliveredFiles(
  module: string,
  wanted: readonly WantedFile[],
  { read }: Pick<PlanContext, 'read'>,
): Promise<DeliveredFiles | { failures: Failure[] }> {
  const contents = await read(wanted.flatMap(({ entry }) => (entry ? [entry.path] : [])));
  const pointers = [...contents].filter(([, bytes]) => isPointer(bytes));
  if (pointers.length > 0) return { failures: pointers.map(([path]) => pointer(module, path)) };
  const bytes = new Map<string, Uint8Array>();
  const files = wanted.map((file): PlannedFile => {
    const content = file.entry ? contents.get(file.entry.path) : undefined;
    if (content) bytes.set(file.path, content);
    return {
      path: file.path,
      source: file.source,
      role: file.role,
      blob: file.entry?.id ?? null,
      sha256: content ? sha256(content) : null,
      keyed: null,
      mode: file.entry ? (file.entry.mode === '100755' ? '0755' : '0644') : null,
    };
  });
  return { files, bytes };
}

/** Larger ones are none, says git-lfs. */
const POINTER_MAX = 1024;
const POINTER = 'version https://git-lfs.github.com/spec/';

const isPointer = (bytes: Uint8Array): boolean =>
  bytes.length < POINTER_MAX && new TextDecoder().decode(bytes.subarray(0, POINTER.length)) === POINTER;

const pointer = (module: string, path: string): Failure =>
  fail(
    module,
    'PCTL-FILE-LFS',
    EXIT_INVALID,
    `${path} is a pointer of git-lfs in the commit`,
    `take it out of LFS (git lfs untrack ${path}), or put the file on the host`,
    'what the commit has is delivered, and that is the pointer',
    { file: path },
  );
