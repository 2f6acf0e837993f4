/** What an apply is about, gathered for the gates: the plan, what judges it, and what its commit says (G-1 to G-9). */
import { PlatformError } from '../errors.js';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID, EXIT_TOOL_ERROR } from '../exits.js';
import type { Plan } from '../manifest/types.js';
import type { Git, World } from '../ports.js';
import type { PlanContext } from './looks.js';
import { planContext, timestamp } from './plan-context.js';
import { loadPlan } from './plan-files.js';
import { type Policy, resolvePolicy } from './policy.js';
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
