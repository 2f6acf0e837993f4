/** What an apply is about, gathered for the gates: the plan, what judges it, and what its commit says (G-1 to G-9). */
import { PlatformError } from '../errors.js';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID, EXIT_TOOL_ERROR } from '../exits.js';
import { judgeApproval } from '../gate/approval.js';
import type { GateFacts } from '../gate/facts.js';
import type { Plan } from '../manifest/types.js';
import { sha256 } from '../plan/artifact.js';
import type { Git, Host, World } from '../ports.js';
import { gatherApproval, relationOf } from './approvals.js';
import type { Looked, PlanContext } from './observe-host.js';
import { planContext, timestamp } from './plan.js';
import { loadPlan } from './plan-files.js';
import { type Policy, policyDigest, resolvePolicy } from './policy.js';
import { type Prepared, prepare } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Failure } from './results.js';
import { gatherWanted } from './wanted.js';

export interface ApplyOptions {
  /** Plan files or module ids. */
  readonly references: readonly string[];
  readonly approvedSha?: string;
  readonly approvedPr?: string;
  readonly approvals: readonly string[];
  readonly policyRef?: string;
  readonly dryRun: boolean;
  /** Seconds. */
  readonly lockWait: number;
}

export interface Case {
  readonly options: ApplyOptions;
  readonly git: Git;
  readonly plan: Plan;
  readonly planFile: string;
  readonly policy: Policy;
  /** The plan's module at its commit; empty where the commit or the module is not there, or not sound. */
  readonly prepared: readonly Prepared[];
  readonly errors: readonly Failure[];
  readonly context: PlanContext;
  readonly commitPresent: boolean;
  readonly inPolicyHistory: boolean;
  /** Files that modules of other projects of this host name too. */
  readonly sharedPaths: readonly string[];
}

const refuse = (code: string, exit: 2 | 3 | 5, summary: string, hint: string): PlatformError =>
  new PlatformError({ code, exit, summary, hint });

/** Step 1 and all that the gates need from git. @throws PlatformError where there is nothing that could be judged */
export async function openCase(world: World, options: ApplyOptions): Promise<Case> {
  const [reference, ...more] = options.references;
  if (reference === undefined)
    throw refuse('PCTL-APPLY-NOTHING', EXIT_TOOL_ERROR, 'no plan was named', 'platformctl apply ID, or a plan file');
  if (more.length > 0)
    throw refuse(
      'PCTL-APPLY-SEVERAL',
      EXIT_TOOL_ERROR,
      'this release applies one plan a call',
      'apply them one after the other',
    );
  const git = await world.openGit(world.directory);
  const { plan, file } = await loadPlan(world, git.root, reference);
  if (plan.kind !== 'apply')
    throw refuse(
      'PCTL-PLAN-KIND',
      EXIT_INVALID,
      `a plan of kind ${plan.kind} is not built yet`,
      'use a plan of platformctl plan',
    );
  if (plan.offline || plan.observed === null)
    throw refuse(
      'PCTL-PLAN-OFFLINE',
      EXIT_INVALID,
      'the plan was made offline: it never saw its host',
      `platformctl plan ${plan.module}`,
    );
  if (plan.source_dirty)
    throw refuse(
      'PCTL-PLAN-DIRTY',
      EXIT_INVALID,
      'the plan was made from a dirty tree',
      `commit, then platformctl plan ${plan.module}`,
    );
  const policy = await resolvePolicy(
    world,
    git,
    { asking: true, ...(options.policyRef ? { policyRef: options.policyRef } : {}) },
    readPlatform,
  );
  const commitPresent = (await git.resolve(plan.source_sha)) !== null;
  const inPolicyHistory =
    commitPresent && (plan.source_sha === policy.sha || (await git.isAncestor(plan.source_sha, policy.sha)));
  if (!commitPresent) {
    throw refuse(
      'PCTL-PROVENANCE-COMMIT',
      EXIT_APPROVAL_MISMATCH,
      `commit ${plan.source_sha.slice(0, 7)} of the plan is not in this repo`,
      'git fetch; in CI set fetch-depth: 0',
    );
  }
  const gathered = await gatherWanted(world, git, { sha: plan.source_sha });
  const now = timestamp(world.clock.now());
  const preparation = await prepare(
    gathered,
    policy.platform,
    gathered.wanted.modules.has(plan.module) ? [plan.module] : [],
    now.slice(0, 10),
  );
  const others = [...gathered.wanted.modules.values()].filter(
    (module) => module.host === plan.host && module.id !== plan.module,
  );
  const neighbours =
    others.length === 0
      ? []
      : (
          await prepare(
            gathered,
            policy.platform,
            others.map((module) => module.id),
            now.slice(0, 10),
          )
        ).prepared;
  const foreign = new Set(
    neighbours
      .filter((one) => one.project.name !== plan.project)
      .flatMap((one) => one.wanted.files.map((file) => file.path)),
  );
  return {
    options,
    git,
    plan,
    planFile: file,
    policy,
    prepared: preparation.prepared,
    errors: preparation.errors,
    context: planContext(world, git, gathered, policy, now),
    commitPresent,
    inPolicyHistory,
    sharedPaths: plan.files.filter((one) => one.source === 'commit' && foreign.has(one.path)).map((one) => one.path),
  };
}

async function commonFacts(
  world: World,
  open: Case,
  lastApplySha: string | null | undefined,
  self: GateFacts['approval']['self'],
) {
  const { plan, policy, options, git } = open;
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
    phase: { value: world.environment.get('PLATFORMCTL_PHASE'), needed: 5 as const, asked: !options.dryRun },
    approval: await gatherApproval(world, git, {
      plan,
      planFile: open.planFile,
      approvalFiles: options.approvals,
      policy,
      lastApplySha,
      self,
    }),
    provenance: {
      approvedSha: options.approvedSha ?? null,
      approvedPr: options.approvedPr === undefined ? null : Number(options.approvedPr),
      commitPresent: open.commitPresent,
      inPolicyHistory: open.inPolicyHistory,
      module: one?.module ?? null,
      manifestDigest: one ? sha256(one.manifest) : null,
      files,
      lastApplied: null as GateFacts['provenance']['lastApplied'],
    },
  };
}

async function commitFiles(open: Case, one: Prepared): Promise<GateFacts['provenance']['files']> {
  const planned = new Set(open.plan.files.map((file) => file.path));
  const named = one.wanted.files.filter((file) => file.entry !== null);
  const entries = named.flatMap((file) => (file.entry ? [file.entry.path] : []));
  const bytes = await open.context.read(entries);
  const made = named.map((file) => {
    const content = file.entry ? bytes.get(file.entry.path) : undefined;
    return {
      path: file.path,
      blob: file.entry?.id ?? null,
      sha256: content ? sha256(content) : null,
      mode: file.entry?.mode === '100755' ? '0755' : '0644',
    };
  });
  // A path that held a variable is known only once the host resolved it: such files are compared under the lock.
  const extra = open.plan.files.filter(
    (file) => file.source === 'commit' && !made.some((one) => one.path === file.path),
  );
  return [
    ...made.filter((file) => planned.has(file.path) || extra.length === 0),
    ...extra.map(({ path, blob, sha256: digest, mode }) => ({ path, blob, sha256: digest, mode: mode ?? '0644' })),
  ];
}

export async function factsWithoutHost(
  world: World,
  open: Case,
  self: GateFacts['approval']['self'],
): Promise<GateFacts> {
  const terminal = self === 'pending' && !world.terminal.interactive ? 'no terminal' : self;
  return {
    ...(await commonFacts(world, open, undefined, terminal)),
    stage: 'without host',
    paths: null,
    connection: null,
    compose: { text: open.prepared[0]?.verdict ?? null, resolved: null },
    identity: null,
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
  const common = await commonFacts(world, open, last, self);
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
    compose: { text: now.prepared.verdict, resolved: now.resolvedVerdict },
    identity: identityFor(open.plan, now),
    status,
  };
  const judgement = judgeApproval(open.plan, open.policy.platform, gates.approval, 'under lock');
  const typed =
    judgement.approvedBy.length === 0 && judgement.selfApproved ? [`self:${world.who}`] : judgement.approvedBy;
  return { gates, approvedBy: typed, selfApproved: judgement.selfApproved };
}

/** What is seen now, for exactly the paths that the plan saw (G-9). */
function identityFor(plan: Plan, now: Looked): GateFacts['identity'] {
  const fresh = now.plan.observed?.identity;
  if (!fresh) return null;
  const seen = new Map(fresh.files.map((file) => [file.path, file]));
  const files = (plan.observed?.identity.files ?? []).map(
    (file) => seen.get(file.path) ?? fromObservation(now, file.path),
  );
  return { ...fresh, files };
}

function fromObservation(now: Looked, path: string): NonNullable<Plan['observed']>['identity']['files'][number] {
  const seen = now.observation.files.get(path);
  if (!seen || seen.kind === 'absent') return { path, kind: 'absent', digest: null, mode: null, uid: null };
  return {
    path,
    kind: seen.kind === 'unreadable' || seen.kind === 'outside' ? 'other' : seen.kind,
    digest: seen.digest,
    mode: seen.mode,
    uid: seen.uid,
  };
}
