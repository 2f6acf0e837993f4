import { judgeApproval } from '../gate/approval.js';
import type { GateFacts } from '../gate/facts.js';
import type { Plan, Status } from '../manifest/types.js';
import { sha256 } from '../plan/artifact.js';
import { inRepo } from '../plan/files.js';
import { identitiesNow } from '../plan/make.js';
import type { Host, World } from '../ports.js';
import type { Case } from './apply-case.js';
import { gatherApproval, lastApplyOf, relationOf, releaseApprovers } from './approvals.js';
import type { Looked } from './looks.js';
import { policyDigest } from './policy.js';
import type { Prepared } from './prepare.js';

async function commonFacts(world: World, open: Case, self: GateFacts['approval']['self'], status?: Status | null) {
  const { plan, policy, options, git, context } = open;
  const lastApply =
    status === undefined ? undefined : await lastApplyOf(status, (sha) => context.declaredAt(sha, plan.module));
  const [one] = open.prepared;
  const files = one ? await commitFiles(open, one) : null;
  return {
    plan,
    platform: policy.platform,
    policy: {
      ref: policy.ref,
      sha: policy.sha,
      digest: policyDigest(policy.platform, plan.module, plan.host, policy.allowedSigners),
    },
    phase: {
      value: world.environment.get('PLATFORMCTL_PHASE'),
      needed: plan.kind === 'rollback' || open.beside.length > 0 ? (6 as const) : (5 as const),
      asked: !options.dryRun,
    },
    recreatedBeside: open.beside
      .filter((other) => other.host === plan.host && other.project === plan.project && other.recreates)
      .map((other) => other.service),
    approval: await gatherApproval(world, git, {
      plan,
      manifestPath: open.manifestPath,
      planFile: open.planFile,
      approvalFiles: options.approvals,
      policy,
      lastApply,
      self,
      ...(plan.kind === 'rollback' && status !== undefined ? { release: releaseApprovers(plan, status) } : {}),
    }),
    provenance: {
      approvedSha: options.approvedSha ?? null,
      approvedPr: options.approvedPr === undefined ? null : Number(options.approvedPr),
      commitPresent: true,
      inPolicyHistory: open.inPolicyHistory,
      module: one?.module ?? null,
      target: one ? { project: one.project.name, composeFile: one.composeFile } : null,
      manifestDigest: one ? sha256(one.manifest) : null,
      files,
      wasProtected: lastApply?.module?.protected === true,
      lastApplied: null as GateFacts['provenance']['lastApplied'],
    },
  };
}

/**
 * What the commit has at the paths of the plan. A path that the text names by a variable is known to the service only once the host resolved it, so whether it
 * belongs there is judged under the lock; that the commit has those bytes is known here.
 */
async function commitFiles(open: Case, one: Prepared): Promise<GateFacts['provenance']['files']> {
  const named = one.wanted.files.flatMap(({ path, entry }) => (entry ? [{ path, entry }] : []));
  const others = open.plan.files
    .filter((file) => file.source === 'commit' && !named.some(({ path }) => path === file.path))
    .flatMap(({ path }) => {
      const entry = one.tree.file(inRepo(one.host, path));
      return entry ? [{ path, entry }] : [];
    });
  const all = [...named, ...others];
  const bytes = await open.context.read(all.map(({ entry }) => entry.path));
  return all.map(({ path, entry }) => {
    const content = bytes.get(entry.path);
    return {
      path,
      blob: entry.id,
      sha256: content ? sha256(content) : null,
      mode: entry.mode === '100755' ? '0755' : '0644',
    };
  });
}

export async function factsWithoutHost(
  world: World,
  open: Case,
  self: GateFacts['approval']['self'],
): Promise<GateFacts> {
  const asking = open.options.dryRun ? 'not asked' : 'pending';
  const terminal = self !== 'pending' ? self : world.terminal.interactive ? asking : 'no terminal';
  return {
    ...(await commonFacts(world, open, terminal)),
    stage: 'without host',
    paths: null,
    connection: null,
    compose: { text: open.prepared[0]?.verdict ?? null, resolved: null },
    identity: null,
    remade: null,
    status: undefined,
  };
}

export interface UnderLock {
  readonly gates: GateFacts;
  readonly approvedBy: readonly string[];
  readonly selfApproved: boolean;
}

export async function factsUnderLock(
  world: World,
  open: Case,
  now: Looked,
  host: Host,
  self: GateFacts['approval']['self'],
): Promise<UnderLock> {
  const status = now.observation.status;
  const last = status?.last_apply_sha ?? null;
  const common = await commonFacts(world, open, self, status);
  const description = host.describe();
  const gates: GateFacts = {
    ...common,
    provenance: {
      ...common.provenance,
      files: now.plan.files.filter((file) => file.source === 'commit'),
      lastApplied: { sha: last, relation: await relationOf(open.git, last, open.plan.source_sha) },
    },
    stage: 'under lock',
    paths: {
      realRoot: now.observation.engine.realRoot,
      engineRoot: now.observation.engine.dataRoot,
      outside: [...now.observation.files]
        .filter(([, seen]) => seen.kind === 'outside' || seen.kind === 'symlink')
        .map(([path]) => path),
    },
    connection: { transport: description.transport, user: description.user, hostKey: description.hostKey },
    compose: now.verdicts,
    identity: identityFor(open.plan, now),
    remade: { ...now.plan, folders: [...now.plan.folders, ...foldersThere(now.observation)] },
    status,
  };
  const judgement = judgeApproval(open.plan, open.policy.platform, gates.approval, 'under lock');
  const typed =
    judgement.approvedBy.length === 0 && judgement.selfApproved ? [`self:${world.who}`] : judgement.approvedBy;
  return { gates, approvedBy: typed, selfApproved: judgement.selfApproved };
}

/** A folder that the plan makes may be there by now, so the plan made again leaves it out. */
function foldersThere({ files }: Looked['observation']): string[] {
  return [...files].filter(([, seen]) => seen.kind === 'folder').map(([path]) => path);
}

/** What is seen now, for exactly the paths that the plan saw (G-9). */
function identityFor(plan: Plan, now: Looked): GateFacts['identity'] {
  const fresh = now.plan.observed?.identity;
  if (!fresh) return null;
  return { ...fresh, files: identitiesNow(plan.observed?.identity.files ?? [], fresh.files, now.observation) };
}
