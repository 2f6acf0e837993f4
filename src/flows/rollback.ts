/** The plan of `rollback` (B-2): of the commit of a release that the host keeps, with the image that it ran. Its apply is that of any plan. */
import { PlatformError } from '../errors.js';
import { EXIT_CHANGES, EXIT_INVALID, EXIT_NO_CHANGES, EXIT_POLICY_VIOLATION } from '../exits.js';
import type { Status } from '../manifest/types.js';
import { chooseRelease, type Release, ranBefore } from '../plan/release.js';
import type { Git, World } from '../ports.js';
import { relationOf } from './approvals.js';
import { type Found, findApplied } from './find-applied.js';
import { lookAtHost } from './observe-host.js';
import { planContext, timestamp } from './plan-context.js';
import { keepPlans, keptPlanPath, type LoadedPlan } from './plan-files.js';
import { commitOf, moduleProblems } from './plan-selection.js';
import { type Policy, resolvePolicy } from './policy.js';
import { prepare } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Failure, PlanResult } from './results.js';
import { gatherWanted } from './wanted.js';

export interface RollbackOptions {
  readonly id: string;
  /** The beginning of a commit, or any name of one; the release before what runs where it is left out. */
  readonly to?: string;
  readonly policyRef?: string;
  /** The plan that is kept for the module stays what it is, and so do its signatures. */
  readonly dryRun?: boolean;
}

export interface RollbackPlan extends PlanResult {
  /** As apply takes it. */
  readonly loaded: readonly LoadedPlan[];
}

/** @throws PlatformError PCTL-RELEASE-UNKNOWN (3), and whatever keeps the release's commit from being planned */
export async function rollbackPlan(world: World, options: RollbackOptions): Promise<RollbackPlan> {
  const git = await world.openGit(world.directory);
  const head = await gatherWanted(world, git, { sha: (await git.head()).sha });
  const policy = await resolvePolicy(
    world,
    git,
    { asking: true, ...(options.policyRef ? { policyRef: options.policyRef } : {}) },
    readPlatform,
  );
  const members = head.wanted.stacks.get(options.id);
  if (members)
    throw new PlatformError({
      code: 'PCTL-ROLLBACK-STACK',
      exit: EXIT_INVALID,
      summary: `${options.id} is a stack: the release before is another one for each of its modules`,
      hint: `roll back the one that is to go back: ${members.join(', ')}`,
    });
  const declared = head.wanted.modules.get(options.id);
  const found = await findApplied(
    world,
    policy.platform,
    options.id,
    declared ? [declared.host] : [...policy.platform.hosts.keys()],
  );
  try {
    const [only, ...more] = found;
    if (only?.status == null) throw unknown(options.id, `nothing of ${options.id} was ever applied`, null);
    if (more.length > 0)
      throw unknown(
        options.id,
        `${options.id} is on several hosts: ${found.map((one) => one.name).join(', ')}`,
        only.status,
      );
    const release = await chosen(git, options, only.status);
    return await planRelease(world, git, policy, options, only, release);
  } finally {
    await Promise.all(found.map((one) => one.host.close()));
  }
}

async function chosen(git: Git, { id, to }: RollbackOptions, status: Status): Promise<Release> {
  const earlier = new Set<Release>();
  for (const one of status.previous) {
    const relation = await relationOf(git, one.sha, status.last_apply_sha ?? one.sha);
    if (relation === 'descendant' || (relation === 'same' && ranBefore(one, status))) earlier.add(one);
  }
  const named = to === undefined || /^[0-9a-f]{4,40}$/.test(to) ? to : ((await git.resolve(to)) ?? to);
  const release = chooseRelease(status, named ?? null, earlier);
  if (release === 'unknown')
    throw unknown(
      id,
      to === undefined ? `no earlier release of ${id} is kept` : `no release ${to} of ${id} is kept`,
      status,
    );
  if (release === 'ambiguous') throw unknown(id, `${to} names several releases of ${id}`, status);
  return release;
}

function unknown(id: string, summary: string, status: Status | null): PlatformError {
  const kept = (status?.previous ?? []).map((one) => `${one.sha.slice(0, 7)} (applied ${one.applied_at})`);
  const runs = status?.last_apply_sha ? `; ${status.last_apply_sha.slice(0, 7)} runs` : '';
  const [first] = status?.previous ?? [];
  return new PlatformError({
    code: 'PCTL-RELEASE-UNKNOWN',
    exit: EXIT_INVALID,
    summary,
    ...(status === null ? {} : { where: { host: status.host } }),
    why: `${kept.length === 0 ? 'none is kept' : `kept are ${kept.join(', ')}`}${runs}`,
    hint: first ? `platformctl rollback ${id} --to ${first.sha.slice(0, 7)}` : `platformctl status ${id}`,
  });
}

async function planRelease(
  world: World,
  git: Git,
  policy: Policy,
  { id, dryRun }: RollbackOptions,
  { name, exchange }: Found,
  release: Release,
): Promise<RollbackPlan> {
  const gathered = await gatherWanted(world, git, { sha: await commitOf(git, release.sha) });
  const now = timestamp(world.clock.now());
  const preparation = await prepare(gathered, policy.platform, [id], now.slice(0, 10));
  refuseFirst(id, [...moduleProblems(gathered, [id]), ...preparation.errors]);
  const [one] = preparation.prepared;
  if (one?.module.host !== name)
    throw new PlatformError({
      code: 'PCTL-RELEASE-ELSEWHERE',
      exit: EXIT_POLICY_VIOLATION,
      summary: `commit ${release.sha.slice(0, 7)} declares ${id} ${one ? `on ${one.module.host}` : 'nowhere'}; it is on ${name}`,
      hint: 'name another release with --to, or plan a commit that declares it as it runs',
    });
  const context = {
    ...planContext(world, git, gathered, policy, now),
    rollback: { imageId: release.image_id },
  };
  const look = await lookAtHost(exchange, name, [one], context);
  refuseFirst(id, look.errors);
  const planned = look.looked;
  const warnings = dryRun ? [] : await keepPlans(world, git.root, planned);
  return {
    sourceSha: gathered.sha,
    branch: gathered.branch,
    dirty: false,
    offline: false,
    planned,
    undeclared: [],
    errors: [],
    leftOut: 0,
    warnings,
    written: [],
    loaded: planned.map(({ plan }) => ({ plan, file: keptPlanPath(git.root, plan.module) })),
    exitCode: planned.some(({ plan }) => plan.exitCode === 1) ? EXIT_CHANGES : EXIT_NO_CHANGES,
  };
}

/** One module is asked for: what keeps it from being planned is the error of the command. */
function refuseFirst(id: string, failures: readonly Failure[]): void {
  const [first, ...more] = failures;
  if (!first) return;
  const why = [first.why, ...more.map((one) => `${one.code}: ${one.summary}`)].filter(Boolean).join('; ');
  throw new PlatformError({
    code: first.code,
    exit: first.exitCode,
    summary: `${id}: ${first.summary}`,
    ...(first.where === null ? {} : { where: first.where }),
    ...(why === '' ? {} : { why }),
    ...(first.hint === null ? {} : { hint: first.hint }),
  });
}
