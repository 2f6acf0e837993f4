/** Gathers what the rule of G-4 judges: signatures that ssh-keygen checked, and who wrote the change. */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import { keyFingerprint, parseAllowedSigners } from '../gate/allowed-signers.js';
import type { ApprovalFacts, Author, SignatureFact } from '../gate/approval.js';
import type { Relation } from '../gate/facts.js';
import { parseSignatureFile, SIGNATURES_MAX_BYTES, signedMessage } from '../gate/signature-file.js';
import type { ServiceModule } from '../manifest/model.js';
import type { Plan, Status } from '../manifest/types.js';
import { inRepo } from '../plan/files.js';
import { releaseOf } from '../plan/release.js';
import type { Files, Git, Signer, World } from '../ports.js';
import { type Policy, SIGNERS_PATH } from './policy.js';

export interface ApprovalSources {
  readonly plan: Plan;
  /** The manifest that declares the module at the plan's commit; null: it declares none. */
  readonly manifestPath: string | null;
  /** The plan's file; its signatures lie in the file of that name and `.sig`. */
  readonly planFile: string;
  /** `--approval FILE`, each; relative ones from the working directory. */
  readonly approvalFiles: readonly string[];
  readonly policy: Policy;
  /** undefined: the host was not asked. */
  readonly lastApply: LastApply | undefined;
  /** Mode `self` (see ApprovalFacts). */
  readonly self: ApprovalFacts['self'];
  /** Rollback to a kept release: its approvers. */
  readonly release?: readonly string[];
}

/** What a module's status says of its last apply. */
export interface LastApply {
  /** null: never, or nothing of it is applied any more. */
  readonly sha: string | null;
  /** The module as that commit declares it; null: it does not, or is not here. */
  readonly module: Pick<ServiceModule, 'manifestPath' | 'composeFile' | 'protected'> | null;
  readonly files: readonly Pick<Status['files'][number], 'path' | 'source'>[];
}

export async function lastApplyOf(
  status: Status | null,
  declaredAt: (sha: string) => Promise<LastApply['module']>,
): Promise<LastApply> {
  const sha = status?.last_apply_sha ?? null;
  return { sha, module: sha === null ? null : await declaredAt(sha), files: status?.files ?? [] };
}

/** @throws PlatformError PCTL-APPROVAL-FILE (2) where an `--approval` file is not there, PCTL-GIT-SHALLOW (2) where the authors cannot be known, and what Files and Signer throw */
export async function gatherApproval(
  world: Pick<World, 'files' | 'signer' | 'clock' | 'directory'>,
  git: Git,
  sources: ApprovalSources,
): Promise<ApprovalFacts> {
  const { plan, manifestPath, policy, lastApply } = sources;
  const parsed =
    policy.allowedSigners === null
      ? { persons: [], problems: [] }
      : parseAllowedSigners(policy.allowedSigners, SIGNERS_PATH);
  const signatures = await readSignatures(
    world,
    plan.digest,
    `${sources.planFile}.sig`,
    sources.approvalFiles.map((file) => (file.startsWith('/') ? file : `${world.directory}/${file}`)),
  );
  const repoRoot = policy.platform.hosts.get(plan.host)?.repoRoot ?? '';
  return {
    now: world.clock.now(),
    signers: parsed.persons,
    problems: parsed.problems,
    signatures,
    authors: lastApply === undefined ? null : await authorsOf(git, plan, { manifestPath, repoRoot }, lastApply),
    self: sources.self,
    release: sources.release ?? null,
  };
}

/** Every signature of `PLAN.sig` and of the further files, each checked by itself; a file that is named twice is read once. */
async function readSignatures(
  world: { readonly files: Pick<Files, 'read'>; readonly signer: Pick<Signer, 'check'> },
  digest: string,
  own: string,
  further: readonly string[],
): Promise<SignatureFact[]> {
  const facts: SignatureFact[] = [];
  for (const file of new Set([own, ...further])) {
    const bytes = await world.files.read(file, SIGNATURES_MAX_BYTES);
    if (bytes === null) {
      if (file === own) continue;
      throw new PlatformError({
        code: 'PCTL-APPROVAL-FILE',
        exit: EXIT_TOOL_ERROR,
        summary: 'an approval file is not there',
        where: { file },
        hint: 'name a file that platformctl approve or ssh-keygen -Y sign wrote',
      });
    }
    const { blocks, strays } = parseSignatureFile(bytes);
    for (const { line, digests, armor } of blocks) {
      const key = await world.signer.check(armor, digests.length === 0 ? digest : signedMessage(digests));
      facts.push({ file, line, digests, key, fingerprint: key === null ? null : keyFingerprint(key), stray: null });
    }
    for (const { line, why } of strays) {
      facts.push({ file, line, digests: [], key: null, fingerprint: null, stray: why });
    }
  }
  return facts;
}

/**
 * Everybody who authored, committed or co-authored a commit since the last applied one (first apply: ever) that changes the module's manifest or a file of the plan,
 * where they lie now or lay in between; null where the plan's commit is not here. A last applied commit that is not here counts as none: one author too many is the safe side.
 * @throws PlatformError PCTL-GIT-SHALLOW (2): history that was cut off hides authors
 */
export async function authorsOf(
  git: Git,
  plan: Plan,
  place: { readonly manifestPath: string | null; readonly repoRoot: string },
  last: LastApply,
): Promise<Author[] | null> {
  const to = await git.resolve(plan.source_sha);
  if (to === null) return null;
  const from = last.sha === null ? null : await git.resolve(last.sha);
  if (from !== to && (await git.isShallow())) {
    throw new PlatformError({
      code: 'PCTL-GIT-SHALLOW',
      exit: EXIT_TOOL_ERROR,
      summary: 'the checkout is shallow: who wrote this change cannot be known',
      hint: 'fetch-depth: 0 in CI, or git fetch --unshallow',
    });
  }
  const commits = await git.log(from, to, await git.places(from, to, authoredPaths(plan, place, last)));
  const authors = new Map<string, Author>();
  const add = (email: string, role: Author['role'], sha: string) => {
    const name = email.trim().toLowerCase();
    if (name !== '' && !authors.has(name)) authors.set(name, { email: name, role, sha });
  };
  for (const commit of commits) {
    add(commit.author.email, 'author', commit.sha);
    for (const person of commit.coauthors) add(person.email, 'co-author', commit.sha);
    add(commit.committer.email, 'committer', commit.sha);
  }
  return [...authors.values()];
}

/** The repo paths that make somebody an author: manifest and compose file, the files of the plan, those that it removes, and what the last apply had. */
function authoredPaths(
  plan: Plan,
  { manifestPath, repoRoot }: { readonly manifestPath: string | null; readonly repoRoot: string },
  { module: before, files: filesBefore }: LastApply,
): string[] {
  const manifests = [manifestPath, before?.manifestPath].filter((path) => typeof path === 'string');
  const removed = plan.changes.flatMap(({ target }) =>
    target.startsWith('file.') ? [target.slice('file.'.length)] : [],
  );
  const files = [...plan.files, ...filesBefore].filter((file) => file.source === 'commit').map((file) => file.path);
  return [
    ...new Set([
      // No commit that is here says which one it was: it may be any.
      ...(manifests.length > 0 ? manifests : ['modules']),
      ...(before ? [before.composeFile] : []),
      ...[plan.compose_file, ...files, ...removed].map((path) => inRepo({ repoRoot }, path)),
    ]),
  ].sort();
}

/** B-2: who approved the release. Of a service that was removed nothing counts any more. */
export function releaseApprovers(plan: Plan, status: Status | null): readonly string[] {
  if (status?.plan_digest == null) return [];
  return releaseOf(status, plan.source_sha, plan.image.id)?.approved_by ?? [];
}

/** How the plan's commit stands to the last applied one (G-3). */
export async function relationOf(git: Git, lastApplySha: string | null, sourceSha: string): Promise<Relation> {
  if (lastApplySha === null) return 'never';
  if (lastApplySha === sourceSha) return 'same';
  if ((await git.resolve(lastApplySha)) === null) return 'diverged';
  if (await git.isAncestor(lastApplySha, sourceSha)) return 'descendant';
  return (await git.isAncestor(sourceSha, lastApplySha)) ? 'ancestor' : 'diverged';
}
