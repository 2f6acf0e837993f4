import { overRun } from '../execute/converse.js';
import { EXIT_CHANGES, EXIT_NO_CHANGES, type ExitCode, worstExit } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { Plan } from '../manifest/types.js';
import { tenantReason } from '../plan/make.js';
import type { World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { hostsToLookAt } from './host-looks.js';
import type { PlanContext } from './looks.js';
import { hostFailures, lookAtHost } from './observe-host.js';
import { planContext, timestamp } from './plan-context.js';
import { keepPlans } from './plan-files.js';
import { offlinePlan } from './plan-offline.js';
import { commitOf, moduleProblems, type PlanOptions, selected } from './plan-selection.js';
import { CONFIG_PATH, type Policy, resolvePolicy, SIGNERS_PATH } from './policy.js';
import { failureOf, type Prepared, prepare } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Failure, PlannedModule, PlanResult, Undeclared } from './results.js';
import { gatherWanted } from './wanted.js';

export async function planFlow(world: World, options: PlanOptions): Promise<PlanResult> {
  const git = await world.openGit(world.directory);
  const sha = options.sha === undefined ? null : await commitOf(git, options.sha);
  const gathered = await gatherWanted(world, git, sha === null ? { workTree: true } : { sha });
  const policy = await resolvePolicy(
    world,
    git,
    { asking: false, ...(options.policyRef ? { policyRef: options.policyRef } : {}) },
    readPlatform,
  );
  const { ids, leftOut, compose } = await selected(git, gathered, options);
  const errors: Failure[] = moduleProblems(gathered, ids);
  const sound = ids.filter((id) => !errors.some((error) => error.module === id));
  const now = timestamp(world.clock.now());
  const preparation = await prepare({ ...gathered, compose }, policy.platform, sound, now.slice(0, 10));
  errors.push(...preparation.errors);
  const signers = (await gathered.read([SIGNERS_PATH])).get(SIGNERS_PATH) ?? null;
  const warnings = [
    ...ownGates(CONFIG_PATH, policy, policy.platformBytes, gathered.platformBytes),
    ...ownGates(SIGNERS_PATH, policy, policy.allowedSigners, signers),
  ];
  const failed = new Set(errors.map((error) => error.module));
  const ready = preparation.prepared.filter((one) => !failed.has(one.module.id));
  const context = planContext(world, git, gathered, policy, now);
  const planned: PlannedModule[] = [];
  const undeclared: Undeclared[] = [];
  if (options.offline) {
    for (const one of ready) {
      const plan = await offlinePlan(one, context);
      if ('failures' in plan) errors.push(...plan.failures);
      else
        planned.push({
          plan,
          protected: one.module.protected,
          job: one.module.smoke.exits !== null,
          lastApplied: null,
        });
    }
  } else {
    const groups = byHost(ready);
    // A whole plan asks every host: what moved away, or was taken out of the repo, may have left nothing but itself on one (P-13).
    if (options.ids.length === 0 && options.changedSince === undefined)
      for (const name of hostsToLookAt(policy.platform)) if (!groups.has(name)) groups.set(name, []);
    const looks = [...groups].map(([name, group]) => planHost(world, policy.platform, name, group, context));
    for (const look of await Promise.all(looks)) {
      planned.push(...look.planned);
      errors.push(...look.errors);
      undeclared.push(...look.undeclared);
      warnings.push(...look.warnings);
    }
  }
  const order = new Map(ids.map((id, index) => [id, index]));
  planned.sort((a, b) => (order.get(a.plan.module) ?? 0) - (order.get(b.plan.module) ?? 0));
  if (!options.offline) warnings.push(...(await keepPlans(world, git.root, planned)));
  const codes: ExitCode[] = [
    ...errors.map((error) => error.exitCode),
    ...planned.map((one) => (one.plan.exitCode === 1 ? EXIT_CHANGES : EXIT_NO_CHANGES)),
  ];
  return {
    sourceSha: gathered.sha,
    branch: gathered.branch,
    dirty: planned.some((one) => one.plan.source_dirty),
    offline: options.offline === true,
    planned: planned.map((one) => ({ ...one, destructive: destructiveTogether(one.plan, planned) })),
    stacks: gathered.wanted.stacks,
    undeclared,
    errors,
    leftOut,
    warnings,
    approvalModes: policy.platform.approval.modes,
    written: [],
    exitCode: worstExit(codes),
  };
}

/** G-8: a service that lives in the namespaces of a recreated one is given the new ones by its own plan. */
function destructiveTogether(plan: Plan, all: readonly PlannedModule[]): string[] {
  const beside = all
    .filter(({ plan: other }) => other.host === plan.host && other.project === plan.project && other.recreates)
    .map(({ plan: other }) => tenantReason(other.service));
  return plan.destructive.filter((reason) => !beside.includes(reason));
}

/** G-1: what changes its own gates is judged by the old ones, and is flagged. */
function ownGates(path: string, policy: Policy, judging: Uint8Array | null, own: Uint8Array | null): string[] {
  const same = judging === null || own === null ? judging === own : Buffer.compare(judging, own) === 0;
  return same
    ? []
    : [`this commit changes ${path}: it is judged by the one at ${policy.ref} (${policy.sha.slice(0, 7)})`];
}

function byHost(prepared: readonly Prepared[]): Map<string, Prepared[]> {
  const groups = new Map<string, Prepared[]>();
  for (const one of prepared) groups.set(one.module.host, [...(groups.get(one.module.host) ?? []), one]);
  return groups;
}

type HostPlans = Pick<PlanResult, 'planned' | 'errors' | 'undeclared' | 'warnings'>;

async function planHost(
  world: World,
  platform: Platform,
  name: string,
  prepared: readonly Prepared[],
  context: PlanContext,
): Promise<HostPlans> {
  try {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const exchange = overRun(host, platform.hosts.get(name)?.remoteRoot ?? '');
      const { looked, errors, undeclared } = await lookAtHost(exchange, name, prepared, context);
      return { planned: looked, errors, undeclared, warnings: [] };
    } finally {
      await host.close();
    }
  } catch (error) {
    const errors = hostFailures(error, prepared);
    const { summary } = failureOf(error, null);
    const warnings = prepared.length > 0 ? [] : [`what is undeclared on ${name} is not known: ${summary}`];
    return { planned: [], errors, undeclared: [], warnings };
  }
}
