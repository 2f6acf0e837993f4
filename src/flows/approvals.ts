/** Gathers what the rule of G-4 judges: signatures that ssh-keygen checked, and who wrote the change. */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import { keyFingerprint, parseAllowedSigners } from '../gate/allowed-signers.js';
import type { ApprovalFacts, Author, SignatureFact } from '../gate/approval.js';
import type { Relation } from '../gate/facts.js';
import { parseSignatureFile, SIGNATURES_MAX_BYTES, signedMessage } from '../gate/signature-file.js';
import type { Plan } from '../manifest/types.js';
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
  /** The module's `last_apply_sha`: null for never, undefined where the host was not asked. */
  readonly lastApplySha: string | null | undefined;
  /** Mode `self` (see ApprovalFacts). */
  readonly self: ApprovalFacts['self'];
  /** Rollback to a kept release: its approvers. */
  readonly release?: readonly string[];
}

/** @throws PlatformError PCTL-APPROVAL-FILE (2) where an `--approval` file is not there, PCTL-GIT-SHALLOW (2) where the authors cannot be known, and what Files and Signer throw */
export async function gatherApproval(
  world: Pick<World, 'files' | 'signer' | 'clock' | 'directory'>,
  git: Git,
  sources: ApprovalSources,
): Promise<ApprovalFacts> {
  const { plan, manifestPath, policy, lastApplySha } = sources;
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
    authors: lastApplySha === undefined ? null : await authorsOf(git, plan, { manifestPath, repoRoot }, lastApplySha),
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
 * Everybody who authored, committed or co-authored a commit since the last applied one (first apply: ever) that changes the module's manifest or a file of the plan; null
 * where the plan's commit is not here. A last applied commit that is not here counts as none: one author too many is the safe side.
 * @throws PlatformError PCTL-GIT-SHALLOW (2): history that was cut off hides authors
 */
export async function authorsOf(
  git: Git,
  plan: Plan,
  place: { readonly manifestPath: string | null; readonly repoRoot: string },
  lastApplySha: string | null,
): Promise<Author[] | null> {
  const to = await git.resolve(plan.source_sha);
  if (to === null) return null;
  const from = lastApplySha === null ? null : await git.resolve(lastApplySha);
  if (from !== to && (await git.isShallow())) {
    throw new PlatformError({
      code: 'PCTL-GIT-SHALLOW',
      exit: EXIT_TOOL_ERROR,
      summary: 'the checkout is shallow: who wrote this change cannot be known',
      hint: 'fetch-depth: 0 in CI, or git fetch --unshallow',
    });
  }
  const commits = await git.log(from, to, authoredPaths(plan, place));
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

/** The repo paths that make somebody an author: the manifest, the files of the plan, and those that it removes. */
function authoredPaths(
  plan: Plan,
  { manifestPath, repoRoot }: { readonly manifestPath: string | null; readonly repoRoot: string },
): string[] {
  const inRepo = (path: string) => (repoRoot === '' ? path : `${repoRoot}/${path}`);
  const removed = plan.changes.flatMap(({ target }) =>
    target.startsWith('file.') ? [target.slice('file.'.length)] : [],
  );
  const files = plan.files.filter((file) => file.source === 'commit').map((file) => file.path);
  const paths = [plan.compose_file, ...files, ...removed].map(inRepo);
  // One that became a stack's since the last apply had a manifest of its own before.
  const manifests = [`modules/${plan.module}/module.yaml`, ...(manifestPath === null ? [] : [manifestPath])];
  return [...new Set([...manifests, ...paths])].sort();
}

/** How the plan's commit stands to the last applied one (G-3). */
export async function relationOf(git: Git, lastApplySha: string | null, sourceSha: string): Promise<Relation> {
  if (lastApplySha === null) return 'never';
  if (lastApplySha === sourceSha) return 'same';
  if ((await git.resolve(lastApplySha)) === null) return 'diverged';
  if (await git.isAncestor(lastApplySha, sourceSha)) return 'descendant';
  return (await git.isAncestor(sourceSha, lastApplySha)) ? 'ancestor' : 'diverged';
}
