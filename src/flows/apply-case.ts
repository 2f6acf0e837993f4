/** What an apply is about, gathered for the gates: the plans, what judges them, and what their commits say (G-1 to G-9). */
import { PlatformError } from '../errors.js';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID, EXIT_TOOL_ERROR } from '../exits.js';
import { planAgain } from '../gate/facts.js';
import type { Plan } from '../manifest/types.js';
import type { Git, World } from '../ports.js';
import type { PlanContext } from './looks.js';
import { planContext, timestamp } from './plan-context.js';
import { type LoadedPlan, loadPlan } from './plan-files.js';
import { type Policy, resolvePolicy } from './policy.js';
import { type Preparation, type Prepared, prepare } from './prepare.js';
import { readPlatform } from './read-platform.js';
import { planReferences } from './references.js';
import type { Failure } from './results.js';
import { type Gathered, gatherWanted } from './wanted.js';

export interface ApplyOptions {
  /** Plan files or module ids. */
  readonly references: readonly string[];
  /** Plans that are there already. */
  readonly loaded?: readonly LoadedPlan[];
  readonly approvedSha?: string;
  readonly approvedPr?: string;
  readonly approvals: readonly string[];
  readonly policyRef?: string;
  readonly dryRun: boolean;
  /** Seconds. */
  readonly lockWait: number;
  /** Hosts that are worked on at once. */
  readonly parallel: number;
  /** A failure stops only what depends on it. */
  readonly keepGoing: boolean;
}

export interface Case {
  readonly options: ApplyOptions;
  readonly git: Git;
  readonly plan: Plan;
  readonly planFile: string;
  /** The other plans of this call (X-7, G-8). */
  readonly beside: readonly Plan[];
  readonly policy: Policy;
  /** The plan's module at its commit; empty where it is not there, not sound, or removed: then the commit does not say what it is. */
  readonly prepared: readonly Prepared[];
  readonly errors: readonly Failure[];
  /** The manifest that declares the plan's module at its commit, sound or not; null: none does. */
  readonly manifestPath: string | null;
  readonly context: PlanContext;
  readonly inPolicyHistory: boolean;
  /** Files that modules of other projects of this host name too. */
  readonly sharedPaths: readonly string[];
  /** What each module of the plan's commit declares in `depends_on`. */
  readonly dependsOn: ReadonlyMap<string, readonly string[]>;
}

const refuse = (code: string, exit: 2 | 3 | 5, summary: string, hint: string): PlatformError =>
  new PlatformError({ code, exit, summary, hint });

/** Step 1 and all that the gates need from git. @throws PlatformError where there is nothing that could be judged */
export async function openCases(world: World, options: ApplyOptions): Promise<Case[]> {
  const loaded = [...(options.loaded ?? [])];
  if (options.references.length + loaded.length === 0)
    throw refuse('PCTL-APPLY-NOTHING', EXIT_TOOL_ERROR, 'no plan was named', 'platformctl apply ID, or a plan file');
  const git = await world.openGit(world.directory);
  for (const reference of await planReferences(world, git, options.references))
    loaded.push(await loadPlan(world, git.root, reference));
  for (const { plan } of loaded) refuseUnusable(plan);
  const modules = loaded.map(({ plan }) => plan.module);
  const twice = modules.find((id, index) => modules.indexOf(id) !== index);
  if (twice !== undefined)
    throw refuse('PCTL-APPLY-TWICE', EXIT_TOOL_ERROR, `two plans of ${twice} were named`, 'name each module once');
  const policy = await resolvePolicy(
    world,
    git,
    { asking: true, ...(options.policyRef ? { policyRef: options.policyRef } : {}) },
    readPlatform,
  );
  const plans = loaded.map(({ plan }) => plan);
  const commits = new Map<string, Commit>();
  for (const { source_sha: sha } of plans) {
    if (!commits.has(sha))
      commits.set(sha, await openCommit(world, git, policy, sha, new Set(plans.map((plan) => plan.host))));
  }
  return loaded.map(({ plan, file }) => {
    const commit = commits.get(plan.source_sha) as Commit;
    const { gathered, preparation, context } = commit;
    return {
      options,
      git,
      plan,
      planFile: file,
      beside: plans.filter((other) => other !== plan),
      policy,
      prepared: preparation.prepared.filter((one) => one.module.id === plan.module && plan.kind !== 'remove'),
      errors: preparation.errors.filter((error) => error.module === plan.module && plan.kind !== 'remove'),
      manifestPath: gathered.wanted.modules.get(plan.module)?.manifestPath ?? null,
      context: {
        ...context,
        ...(plan.kind === 'rollback' ? { rollback: { imageId: plan.image.id } } : {}),
      },
      inPolicyHistory: commit.inPolicyHistory,
      sharedPaths: sharedPaths(plan, preparation.prepared),
      dependsOn: new Map([...gathered.wanted.modules.values()].map((module) => [module.id, module.dependsOn])),
    };
  });
}

/** Plans that can never be applied, whatever the gates say. */
function refuseUnusable(plan: Plan): void {
  if (plan.offline || plan.observed === null)
    throw refuse(
      'PCTL-PLAN-OFFLINE',
      EXIT_INVALID,
      'the plan was made offline: it never saw its host',
      planAgain(plan),
    );
  if (plan.source_dirty)
    throw refuse(
      'PCTL-PLAN-DIRTY',
      EXIT_INVALID,
      'the plan was made from a dirty tree',
      `commit, then ${planAgain(plan)}`,
    );
}

/** What one commit says of the hosts that the call is about. */
interface Commit {
  readonly gathered: Gathered;
  readonly preparation: Preparation;
  readonly inPolicyHistory: boolean;
  readonly context: PlanContext;
}

async function openCommit(
  world: World,
  git: Git,
  policy: Policy,
  sha: string,
  hosts: ReadonlySet<string>,
): Promise<Commit> {
  if ((await git.resolve(sha)) === null)
    throw refuse(
      'PCTL-PROVENANCE-COMMIT',
      EXIT_APPROVAL_MISMATCH,
      `commit ${sha.slice(0, 7)} of the plan is not in this repo`,
      'git fetch; in CI set fetch-depth: 0',
    );
  const gathered = await gatherWanted(world, git, { sha });
  const now = timestamp(world.clock.now());
  const ids = [...gathered.wanted.modules.values()]
    .filter((module) => hosts.has(module.host))
    .map((module) => module.id);
  return {
    gathered,
    preparation: await prepare(gathered, policy.platform, ids, now.slice(0, 10)),
    inPolicyHistory: sha === policy.sha || (await git.isAncestor(sha, policy.sha)),
    context: planContext(world, git, gathered, policy, now),
  };
}

function sharedPaths(plan: Plan, prepared: readonly Prepared[]): string[] {
  const foreign = new Set(
    prepared
      .filter((one) => one.module.host === plan.host && one.project.name !== plan.project)
      .flatMap((one) => one.wanted.files.map((file) => file.path)),
  );
  return plan.files.filter((one) => one.source === 'commit' && foreign.has(one.path)).map((one) => one.path);
}
