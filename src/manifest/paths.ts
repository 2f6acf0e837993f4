/** Paths as values (M-4, G-5): normalising, comparing, and the places that platformctl never touches. Nothing here looks at a disk. */

/**
 * Sacred paths by prefix (G-5): these and everything beneath them. `/` is not in the list because everything is beneath it; `sacredReason` treats it by itself.
 * `/lib*` is a pattern and every `.ssh`, `.gnupg`, `.git`, `.platform` is sacred by its name.
 */
export const SACRED: readonly string[] = [
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/proc',
  '/root',
  '/run',
  '/sbin',
  '/sys',
  '/usr',
  '/var/lib/containerd',
  '/var/lib/docker',
  '/var/run',
  '/var/spool',
];

/** Names that make a path sacred wherever they stand in it. */
export const SACRED_NAMES: readonly string[] = ['.ssh', '.gnupg', '.git', '.platform'];

const CONTROL = /[\x00-\x1f\x7f-\x9f]/;

/**
 * An absolute path without `.`, `..`, `//` and trailing `/`; case as is; `..` above the root stays at the root, as the kernel has it.
 * null: not absolute, or it holds NUL or a control character.
 */
export function normalise(path: string): string | null {
  if (!path.startsWith('/') || CONTROL.test(path)) return null;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Whether `child` is `parent` or lies beneath it. Both normalised; works for repo paths too, where '' is the root. */
export function isBeneath(child: string, parent: string): boolean {
  return parent === '' || parent === '/' || child === parent || child.startsWith(`${parent}/`);
}

/**
 * Why a path may not be written, mounted or executed from, in words; null: it may. A path that has a sacred one beneath it (`/`, `/var`) is refused with it.
 * @param path absolute; a path that does not normalise is sacred
 * @param extra further sacred prefixes (`policy.sacred_paths`, the engine's data root and socket), absolute
 */
export function sacredReason(path: string, extra: readonly string[] = []): string | null {
  const clean = normalise(path);
  if (clean === null) return 'it is not an absolute path of printable characters';
  if (clean === '/') return 'it is the root of the file system';
  const first = clean.split('/')[1] ?? '';
  if (first.startsWith('lib')) return `/${first} is sacred (/lib*)`;
  for (const name of clean.split('/')) if (SACRED_NAMES.includes(name)) return `it has ${name} in it, which is sacred`;
  for (const sacred of [...SACRED, ...extra]) {
    const prefix = normalise(sacred);
    if (prefix === null) continue;
    if (isBeneath(clean, prefix)) return clean === prefix ? 'it is sacred' : `${prefix} is sacred`;
    if (isBeneath(prefix, clean)) return `the sacred path ${prefix} lies beneath it`;
  }
  return null;
}

/**
 * Why a path that a manifest names is refused (M-4), or null. Such a path is relative to the repo's root (or to a folder in it) and goes only downwards.
 */
export function repoPathFlaw(path: string): string | null {
  if (path === '') return 'is empty';
  if (CONTROL.test(path)) return 'holds a control character';
  if (path.startsWith('/')) return 'is absolute';
  if (path.startsWith('~')) return 'begins with ~';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.includes('$')) return 'holds a $';
  if (path.startsWith('-')) return 'begins with -';
  const parts = path.replace(/\/$/, '').split('/');
  if (parts.includes('..')) return 'goes upwards (..)';
  if (parts.includes('') || parts.some((part, at) => part === '.' && at > 0)) return 'is not in its shortest form';
  return null;
}

/** A repo path without leading `./` and trailing `/`; the caller has asked `repoPathFlaw`. '.' gives ''. */
export function normaliseRepoPath(path: string): string {
  const clean = path.replace(/^(\.\/)+/, '').replace(/\/$/, '');
  return clean === '.' ? '' : clean;
}

/** Joins a folder ('' for the root) and a relative path that may hold `.` and `..`; null where it leaves the root. */
export function joinRepoPath(folder: string, path: string): string | null {
  const parts = folder === '' ? [] : folder.split('/');
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** The folder of a repo path, '' for the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

/** A path of this machine that may begin with `~/`; as it is where no home is known. */
export function expandHome(path: string, home: string | undefined): string {
  return home && path.startsWith('~/') ? `${home}${path.slice(1)}` : path;
}
