/** The `Git` port over the git program. */
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import type { Git } from '../../ports.js';
import { readLog, readPlaces } from './history.js';
import { checkKey, checkRefName, checkRemote, checkRev, checkSha, isRefName, isSha } from './names.js';
import { blobId, lackingOf, readBlobs, readTree } from './objects.js';
import { childEnvironment, fatal, type GitProcess, git, ownerError, REMOTE_MS, sshCommand, text } from './process.js';
import { differences } from './work-tree.js';

const HEADS = 'refs/heads/';
/** Objects and nothing else. */
const FETCH: readonly string[] = [
  'fetch',
  '--quiet',
  '--no-tags',
  '--no-write-fetch-head',
  '--refmap=',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
];

/**
 * Opens the repository whose work tree holds `dir`.
 * @param env the environment that programs started here get (M-6); its `GIT_*` are dropped (I-2)
 * @throws PlatformError PCTL-NO-REPO (2) where there is none, PCTL-GIT-OWNER (2), PCTL-GIT-FAILED (2) where git refuses it, PCTL-GIT-FORMAT (2) for a SHA-256 repository
 */
export async function openGit(dir: string, env: Record<string, string>): Promise<Git> {
  const child = childEnvironment(env);
  const opened = await git({ dir, env: child }, ['rev-parse', '--show-object-format', '--show-toplevel'], {
    ok: [0, 128],
  });
  if (opened.code !== 0) throw notOpened(dir, opened.stderr);
  const [format = '', ...rest] = text(opened).split('\n');
  const root = rest.join('\n');
  if (format !== 'sha1' || root === '') {
    throw new PlatformError({
      code: 'PCTL-GIT-FORMAT',
      exit: EXIT_TOOL_ERROR,
      summary: `the repository's object format is ${format}; platformctl reads sha1`,
      where: { file: dir },
    });
  }
  return repository({ dir: root, env: child });
}

function repository(at: GitProcess): Git {
  const resolve = async (rev: string): Promise<string | null> => {
    const answer = await git(at, ['rev-parse', '--verify', '--quiet', `${checkRev(rev)}^{commit}`], {
      ok: [0, 1, 128],
    });
    const sha = text(answer);
    return answer.code === 0 && isSha(sha) ? sha : null;
  };
  const config = async (key: string): Promise<string | null> => {
    const answer = await git(at, ['config', '--null', '--get', checkKey(key)], { ok: [0, 1] });
    return answer.code === 0 ? answer.stdout.toString('utf8').replace(/\0$/, '') : null;
  };
  const head: Git['head'] = async () => {
    const [sha, ref] = await Promise.all([
      resolve('HEAD'),
      git(at, ['symbolic-ref', '--quiet', 'HEAD'], { ok: [0, 1] }),
    ]);
    if (sha === null) throw noCommit(at.dir);
    const name = text(ref);
    return { sha, branch: ref.code === 0 && name.startsWith(HEADS) ? name.slice(HEADS.length) : null };
  };
  /** null where the remote did not answer. */
  const gitRemote = (args: readonly string[], options: { ms?: number; input?: string } = {}) =>
    quiet(async () => {
      const env = { GIT_SSH_COMMAND: sshCommand((await config('core.sshCommand')) ?? 'ssh') };
      return git(at, args, { ...options, env });
    });
  /** What a partial clone lacks of a commit, with one fetch; left to git, each file would be one of its own. */
  const complete = async (sha: string): Promise<void> => {
    const lacking = await lackingOf(at, sha);
    if (lacking === null) return;
    const { remote, ids } = lacking;
    // As git's own: what it says to have, it has no files of.
    const args = ['-c', 'fetch.negotiationAlgorithm=noop', ...FETCH, '--filter=blob:none', '--stdin'];
    const all = [...args, '--', checkRemote(remote)];
    const input = ids.map((id) => `${id}\n`).join('');
    if ((await gitRemote(all, { input })) === null) throw lacks(sha, remote, ids.length);
  };

  return {
    root: at.dir,
    head,
    resolve,
    config,
    async tree(sha) {
      await complete(checkSha(sha));
      return readTree(at, sha);
    },
    blobs: (ids, maxBytesEach) => readBlobs(at, ids, maxBytesEach),
    blobId,
    async isAncestor(ancestor, descendant) {
      const args = ['merge-base', '--is-ancestor', checkSha(ancestor), checkSha(descendant)];
      // 128: one of the two is not in this repository, so nothing says that it is an ancestor.
      return (await git(at, args, { ok: [0, 1, 128] })).code === 0;
    },
    async isShallow() {
      return text(await git(at, ['rev-parse', '--is-shallow-repository'])) === 'true';
    },
    async remotes() {
      const names = text(await git(at, ['remote']))
        .split('\n')
        .filter((name) => name !== '');
      return names.sort((a, b) => Number(b === 'origin') - Number(a === 'origin') || (a < b ? -1 : 1));
    },
    async askRemote(remote, branch) {
      const pattern = branch === undefined ? 'HEAD' : `${HEADS}${checkRefName(branch)}`;
      const args = ['ls-remote', '--symref', '--', checkRemote(remote), pattern];
      const answer = await gitRemote(args, { ms: REMOTE_MS });
      return answer && parseLsRemote(text(answer), branch);
    },
    async trackedDefault(remote) {
      const prefix = `refs/remotes/${checkRemote(remote)}/`;
      const answer = await git(at, ['symbolic-ref', '--quiet', `${prefix}HEAD`], { ok: [0, 1, 128] });
      const name = text(answer);
      if (answer.code !== 0 || !name.startsWith(prefix) || !isRefName(name)) return null;
      const sha = await resolve(name);
      return sha === null ? null : { branch: name.slice(prefix.length), sha };
    },
    async fetch(remote, sha) {
      const all = [...FETCH, '--', checkRemote(remote), checkSha(sha)];
      // A pack takes longer than an answer: the deadline is that of local work.
      const answer = await gitRemote(all);
      return answer !== null && (await resolve(sha)) === sha;
    },
    log: (from, to, paths) => readLog(at, from, to, paths),
    places: (from, to, paths) => readPlaces(at, from, to, paths),
    async differs(paths) {
      if (paths.length === 0) return [];
      return differences(at.dir, await readTree(at, (await head()).sha), paths);
    },
  };
}

/** `ref: refs/heads/main\tHEAD` and `SHA\tHEAD`; of a branch its own line only, since ls-remote matches the ends of names. */
export function parseLsRemote(output: string, branch: string | undefined): { branch: string; sha: string } | null {
  const wanted = branch === undefined ? 'HEAD' : `${HEADS}${branch}`;
  let name = branch;
  let sha: string | undefined;
  for (const line of output.split('\n')) {
    const [left = '', right] = line.split('\t');
    if (right !== wanted) continue;
    if (left.startsWith(`ref: ${HEADS}`)) name ??= left.slice(`ref: ${HEADS}`.length);
    else if (isSha(left)) sha = left;
  }
  return name !== undefined && isRefName(name) && sha !== undefined ? { branch: name, sha } : null;
}

/** null where the remote did not answer; a git that is missing here is an error all the same. */
async function quiet<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PlatformError && ['PCTL-GIT-FAILED', 'PCTL-GIT-TIMEOUT'].includes(error.code)) return null;
    throw error;
  }
}

/** What git says where there is no repository, or none with files. */
const NONE = /not a git repository|must be run in a work tree|cannot change to/;

function notOpened(dir: string, stderr: string): PlatformError {
  const none = NONE.test(stderr);
  return (
    ownerError(stderr) ??
    new PlatformError({
      code: none ? 'PCTL-NO-REPO' : 'PCTL-GIT-FAILED',
      exit: EXIT_TOOL_ERROR,
      summary: none ? 'no git repository with a work tree' : 'git cannot open the repository',
      where: { file: dir },
      ...(none ? {} : { why: fatal(stderr) }),
      hint: none
        ? 'run platformctl inside a platform repo, or name it with -C DIR'
        : 'git status says the same: mend it there',
    })
  );
}

function lacks(sha: string, remote: string, count: number): PlatformError {
  return new PlatformError({
    code: 'PCTL-GIT-PARTIAL',
    exit: EXIT_TOOL_ERROR,
    summary: `the checkout is a partial clone and lacks ${count} files of ${sha.slice(0, 7)}`,
    why: `${remote} did not give them`,
    hint: `git ls-remote ${remote}; or clone without --filter`,
  });
}

function noCommit(dir: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-GIT-NO-COMMIT',
    exit: EXIT_TOOL_ERROR,
    summary: 'the repository has no commit yet',
    where: { file: dir },
    hint: "git add -A && git commit -m 'first commit'",
  });
}
