/** Who changed what (G-4 Authors): commits with their people and the paths that each one changes. */
import { randomBytes } from 'node:crypto';
import type { Commit, Person } from '../../ports.js';
import { checkSha } from './names.js';
import { type GitProcess, git, LOCAL_MS } from './process.js';

/** Bytes of paths on one command line; above it the history is read whole and filtered here. */
const ARGUMENTS_MAX = 512 * 1024;
/** Characters of a line of a message that are looked at. */
const LINE_MAX = 10_000;

/**
 * Commits reachable from `to` and not from `from`, newest first, that change one of `paths` (files or folders).
 * `--full-history`: without it git walks only one side of a merge that took that side's version, and hides who wrote the other. `-c`: of a merge the paths that
 * differ from every parent. No renames: a moved file is a changed file at both places.
 */
export async function readLog(
  at: GitProcess,
  from: string | null,
  to: string,
  paths: readonly string[],
): Promise<Commit[]> {
  if (paths.length === 0) return [];
  const token = randomBytes(12).toString('hex');
  const { stdout } = await git(at, [
    'log',
    '-z',
    '-c',
    '--root',
    '--full-history',
    '--name-only',
    '--no-renames',
    '--no-ext-diff',
    '--no-textconv',
    '--ignore-submodules=none',
    '--no-mailmap',
    '--no-notes',
    '--no-color',
    '--encoding=UTF-8',
    `--format=tformat:%x00${token}%x00%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%B%x00`,
    ...rangeOf(from, to, paths),
  ]);
  return parseLog(stdout.toString('utf8'), token)
    .map((commit) => ({ ...commit, paths: commit.paths.filter((path) => beneath(path, paths)) }))
    .filter((commit) => commit.paths.length > 0);
}

/** The end of the command line. */
function rangeOf(from: string | null, to: string, paths: readonly string[]): string[] {
  const small = paths.reduce((sum, path) => sum + Buffer.byteLength(path) + 1, 0) <= ARGUMENTS_MAX;
  return [checkSha(to), ...(from === null ? [] : [`^${checkSha(from)}`]), '--', ...(small ? paths : [])];
}

/**
 * `paths`, and where their files lay before commits reachable from `to` and not from `from` moved them, move by move. A tenth of the bytes alike is a move: one
 * path too many is the safe side.
 */
export async function readPlaces(
  at: GitProcess,
  from: string | null,
  to: string,
  paths: readonly string[],
): Promise<string[]> {
  const until = Date.now() + LOCAL_MS;
  const all = new Set(paths);
  let open = paths;
  while (open.length > 0) {
    const news = open;
    const moves = await readMoves(at, from, to, news, Math.max(1, until - Date.now()));
    open = [...new Set(moves.filter((move) => beneath(move.to, news) && !all.has(move.from)).map((move) => move.from))];
    for (const path of open) all.add(path);
  }
  return [...all];
}

interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * What the commits that change one of `paths` moved. `--full-diff`: of each the whole is compared, for a limit to paths hides the old side of a move. `-c`: of a merge
 * only what differs from every parent; against one of them what the others did would look like moves.
 */
async function readMoves(
  at: GitProcess,
  from: string | null,
  to: string,
  paths: readonly string[],
  ms: number,
): Promise<Move[]> {
  const args = [
    'log',
    '-z',
    '-c',
    '--combined-all-paths',
    '-M10%',
    '-l0',
    '--full-history',
    '--full-diff',
    '--diff-filter=R',
    '--name-status',
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    '--format=',
    ...rangeOf(from, to, paths),
  ];
  const { stdout } = await git(at, args, { ms });
  return movesIn(stdout.toString('utf8').split('\0'));
}

/** `R100`, old, new; of a merge `RR`, a letter a parent, then the old one of each and the new one. */
function movesIn(fields: readonly string[]): Move[] {
  const moves: Move[] = [];
  for (let at = 0; at + 1 < fields.length; ) {
    const parents = (fields[at] as string).replace(/\d+$/, '').length;
    const to = fields[at + parents + 1] as string;
    for (const from of fields.slice(at + 1, at + 1 + parents)) if (from !== to) moves.push({ from, to });
    at += parents + 2;
  }
  return moves;
}

/** Fields between NULs, which neither messages nor names can hold; `token` is random, so no file name can pretend to be the next commit. */
function parseLog(stdout: string, token: string): Commit[] {
  return stdout
    .split(`\0${token}\0`)
    .slice(1)
    .map((record) => {
      const [sha = '', parents = '', an = '', ae = '', cn = '', ce = '', body = '', ...rest] = record.split('\0');
      // Behind the format stand its terminator, then `\n` (one parent) or an empty field (a merge), then the names.
      const names = rest.slice(1).map((name, index) => (index === 0 ? name.replace(/^\n/, '') : name));
      return {
        sha,
        parents: parents === '' ? [] : parents.split(' '),
        author: { name: an, email: ae },
        committer: { name: cn, email: ce },
        coauthors: coauthors(body),
        subject: body.split('\n', 1)[0] ?? '',
        paths: names.filter((name) => name !== ''),
      };
    });
}

/**
 * `Co-authored-by: NAME <EMAIL>` on any line: git itself looks only at the last paragraph, forges differ, and one author too many is the safe side.
 * A line that is folded goes on with white space.
 */
export function coauthors(body: string): Person[] {
  const found: Person[] = [];
  const text = body.replace(/\r/g, '');
  // As it stands, since an indented line is one for some, and with folded lines joined.
  for (const line of new Set([...text.split('\n'), ...text.replace(/\n[ \t]+/g, ' ').split('\n')])) {
    const [, value] = /^[ \t>*-]*co-authored-by[ \t]*:[ \t]*(.*)$/i.exec(line.slice(0, LINE_MAX)) ?? [];
    if (value === undefined) continue;
    const addresses = [...value.matchAll(/<([^<>]*)>/g)].map((match) => (match[1] ?? '').trim());
    const bare = addresses.length > 0 ? addresses : (value.match(/[^\s,;<>]+@[^\s,;<>]+/g) ?? []);
    const name = value.split('<', 1)[0]?.trim() ?? '';
    for (const email of bare)
      if (email !== '' && !found.some((one) => one.email === email)) found.push({ name, email });
  }
  return found;
}

function beneath(path: string, paths: readonly string[]): boolean {
  return paths.some((wanted) => path === wanted || path.startsWith(`${wanted}/`) || wanted === '');
}
