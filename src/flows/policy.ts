/** G-1: where the policy comes from, and what of it judges one module. */
import { PlatformError, type Problem, ProblemsError } from '../errors.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_TOOL_ERROR } from '../exits.js';
import { problemsExit } from '../manifest/findings.js';
import type { Platform } from '../manifest/model.js';
import { canonical, sha256 } from '../plan/artifact.js';
import type { Git, World } from '../ports.js';

export const CONFIG_PATH = '.platform/config.yaml';
export const SIGNERS_PATH = '.platform/allowed_signers';
const FILE_MAX = 1024 * 1024;
const SHA = /^[0-9a-f]{40}$/;

export interface Policy {
  /** The branch's name, or the SHA that the caller named. */
  readonly ref: string;
  readonly sha: string;
  /** For people and the record: how this ref was found. */
  readonly how: string;
  readonly platform: Platform;
  readonly platformBytes: Uint8Array;
  /** null: the policy ref has no such file. */
  readonly allowedSigners: Uint8Array | null;
}

export interface PolicyOptions {
  /** `--policy-ref`: a branch, `REMOTE/BRANCH`, or a full SHA. */
  readonly policyRef?: string;
  /** apply and rollback: the remote is asked now. */
  readonly asking: boolean;
}

/** Reads config.yaml: manifest/load.ts. */
export type ReadPlatform = (
  bytes: Uint8Array,
  file: string,
) => { readonly platform: Platform | null; readonly problems: readonly Problem[] };

interface Found {
  readonly ref: string;
  readonly sha: string;
  readonly how: string;
  /** Where the commit can be fetched from. */
  readonly remote: string | null;
}

/**
 * The commit whose config and allowed_signers judge, and both files of it. What that config admits of an env file is a source from then on (M-6).
 * @throws PlatformError PCTL-POLICY-REMOTE, PCTL-POLICY-DETACHED, PCTL-POLICY-UNKNOWN (4); PCTL-GIT-SHALLOW (2); PCTL-POLICY-CONFIG (3); ProblemsError (3)
 */
export async function resolvePolicy(
  world: Pick<World, 'environment'>,
  git: Git,
  options: PolicyOptions,
  readPlatform: ReadPlatform,
): Promise<Policy> {
  const flag = options.policyRef;
  const named = flag ?? world.environment.get('PLATFORMCTL_POLICY_REF');
  const found =
    named === undefined || named === ''
      ? await byDefault(git, options.asking)
      : await byName(git, named, flag === undefined ? 'PLATFORMCTL_POLICY_REF' : '--policy-ref', options.asking);
  await bring(git, found);
  const files = await readFiles(git, found);
  const place = `${CONFIG_PATH}@${found.sha.slice(0, 7)}`;
  const read = readPlatform(files.config, place);
  if (read.platform === null || read.problems.length > 0) {
    if (read.problems.length > 0) throw new ProblemsError(read.problems, problemsExit(read.problems));
    throw noConfig(found);
  }
  world.environment.admit(read.platform.envFile);
  return {
    ref: found.ref,
    sha: found.sha,
    how: found.how,
    platform: read.platform,
    platformBytes: files.config,
    allowedSigners: files.signers,
  };
}

/**
 * What judges one module, as one digest: approval, the policy with the exceptions of this module, its host, allowed_signers. A change that concerns other modules or hosts
 * alone leaves it as it is.
 */
export function policyDigest(
  platform: Platform,
  module: string,
  host: string,
  allowedSigners: Uint8Array | null,
): string {
  const own = platform.hosts.get(host);
  // Every host on the way: each is reached through those that it names itself.
  const way = new Set(own?.jump ?? []);
  for (const name of way) for (const further of platform.hosts.get(name)?.jump ?? []) way.add(further);
  return sha256(
    canonical({
      approval: platform.approval,
      policy: { ...platform.policy, allow: platform.policy.allow.filter((exception) => exception.module === module) },
      protected_ref: platform.protectedRef,
      host: own ?? null,
      jump: [...way].map((name) => platform.hosts.get(name) ?? null),
      allowed_signers: allowedSigners === null ? null : sha256(allowedSigners),
    }),
  );
}

async function byName(git: Git, named: string, source: string, asking: boolean): Promise<Found> {
  const remotes = await git.remotes();
  if (SHA.test(named)) {
    return { ref: named, sha: named, how: `${source} names the commit`, remote: remotes[0] ?? null };
  }
  const short = named.replace(/^refs\/(heads|remotes)\//, '');
  const prefix = remotes.find((remote) => short.startsWith(`${remote}/`));
  const branch = prefix === undefined ? short : short.slice(prefix.length + 1);
  if (remotes.length === 0) {
    const sha = await git.resolve(`refs/heads/${branch}`);
    if (sha === null) throw unknownRef(named, `there is no branch ${branch} here`);
    return { ref: branch, sha, how: `${source}; a local branch, since there is no remote`, remote: null };
  }
  const remote = prefix ?? theRemote(remotes);
  if (asking) return { ...(await ask(git, remote, branch)), how: `${source}; ${remote} asked now` };
  const sha = await git.resolve(`refs/remotes/${remote}/${branch}`);
  if (sha !== null) return { ref: branch, sha, how: `${source}; ${remote}/${branch} as of the last fetch`, remote };
  return { ...(await ask(git, remote, branch)), how: `${source}; ${remote} asked now` };
}

async function byDefault(git: Git, asking: boolean): Promise<Found> {
  const remotes = await git.remotes();
  if (remotes.length === 0) {
    const head = await git.head();
    if (head.branch === null) {
      throw new PlatformError({
        code: 'PCTL-POLICY-DETACHED',
        exit: EXIT_POLICY_VIOLATION,
        summary: 'which branch holds the policy is not known',
        why: 'the repository has no remote, and HEAD is on no branch',
        hint: 'git switch BRANCH, or --policy-ref BRANCH',
      });
    }
    return {
      ref: head.branch,
      sha: head.sha,
      how: 'the branch that HEAD is on, since there is no remote',
      remote: null,
    };
  }
  const remote = theRemote(remotes);
  const tracked = asking ? null : await git.trackedDefault(remote);
  if (tracked) {
    return { ref: tracked.branch, sha: tracked.sha, how: `${remote}'s default branch as of the last fetch`, remote };
  }
  return { ...(await ask(git, remote)), how: `${remote}'s default branch, asked now` };
}

/** `origin`, else the only one. */
function theRemote(remotes: readonly string[]): string {
  const [first] = remotes;
  if (first !== undefined && (first === 'origin' || remotes.length === 1)) return first;
  throw new PlatformError({
    code: 'PCTL-POLICY-REMOTE',
    exit: EXIT_POLICY_VIOLATION,
    summary: 'which remote holds the policy is not known',
    why: `there are several remotes and none is called origin: ${remotes.join(', ')}`,
    hint: '--policy-ref REMOTE/BRANCH, or git remote rename NAME origin',
  });
}

async function ask(git: Git, remote: string, branch?: string): Promise<Omit<Found, 'how'>> {
  const answer = await git.askRemote(remote, branch);
  if (answer) return { ref: answer.branch, sha: answer.sha, remote };
  throw new PlatformError({
    code: 'PCTL-POLICY-REMOTE',
    exit: EXIT_POLICY_VIOLATION,
    summary: `${remote} did not say where ${branch ?? 'its default branch'} is`,
    why: 'the protected branch is asked for now (15 s); what the last fetch left is no evidence',
    hint: `git ls-remote ${remote}; if it cannot be reached: --policy-ref SHA, which is recorded`,
  });
}

/** Makes sure that the commit is here. */
async function bring(git: Git, found: Found): Promise<void> {
  if ((await git.resolve(found.sha)) !== null) return;
  if (await git.isShallow()) {
    throw new PlatformError({
      code: 'PCTL-GIT-SHALLOW',
      exit: EXIT_TOOL_ERROR,
      summary: `the checkout is shallow and lacks ${found.sha.slice(0, 7)}, the policy's commit`,
      hint: 'fetch-depth: 0 in CI, or git fetch --unshallow',
    });
  }
  if (found.remote !== null && (await git.fetch(found.remote, found.sha))) return;
  throw unknownRef(found.ref, `commit ${found.sha.slice(0, 7)} is not here and could not be fetched`);
}

async function readFiles(git: Git, found: Found): Promise<{ config: Uint8Array; signers: Uint8Array | null }> {
  const tree = await git.tree(found.sha);
  const entry = (path: string) => {
    const own = tree.find((candidate) => candidate.path === path);
    if (own && own.mode !== '100644' && own.mode !== '100755') {
      throw new PlatformError({
        code: 'PCTL-POLICY-CONFIG',
        exit: EXIT_INVALID,
        summary: `${path} is not a plain file at the policy ref`,
        where: { file: path },
        hint: 'commit a file, not a link',
      });
    }
    return own;
  };
  const [config, signers] = [entry(CONFIG_PATH), entry(SIGNERS_PATH)];
  if (!config) throw noConfig(found);
  const blobs = await git.blobs(signers ? [config.id, signers.id] : [config.id], FILE_MAX);
  const bytes = blobs.get(config.id);
  if (!bytes) throw noConfig(found);
  return { config: bytes, signers: signers ? (blobs.get(signers.id) ?? null) : null };
}

function unknownRef(ref: string, why: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-POLICY-UNKNOWN',
    exit: EXIT_POLICY_VIOLATION,
    summary: `the policy ref ${ref} cannot be read`,
    why,
    hint: 'git fetch, or name another one with --policy-ref',
  });
}

function noConfig(found: Found): PlatformError {
  return new PlatformError({
    code: 'PCTL-POLICY-CONFIG',
    exit: EXIT_INVALID,
    summary: `${CONFIG_PATH} is not in ${found.ref} (${found.sha.slice(0, 7)}), which judges`,
    where: { file: CONFIG_PATH },
    why: found.how,
    hint: found.remote === null ? 'commit it: platformctl init makes one' : `commit it and push it to ${found.ref}`,
  });
}
