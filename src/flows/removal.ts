/** `plan ID --remove` (P-13): the plan that takes a module off its host, whether the commit declares it or not. */
import { PlatformError } from '../errors.js';
import { EXIT_CHANGES, EXIT_INVALID, EXIT_NO_CHANGES, worstExit } from '../exits.js';
import { modulesNamed } from '../manifest/names.js';
import type { World } from '../ports.js';
import { findApplied } from './find-applied.js';
import type { PlanContext } from './looks.js';
import { planContext, timestamp } from './plan-context.js';
import { keepPlans } from './plan-files.js';
import { commitOf } from './plan-selection.js';
import { type Policy, resolvePolicy } from './policy.js';
import { failureOf } from './prepare.js';
import { readPlatform } from './read-platform.js';
import { lookToRemove } from './removal-look.js';
import type { Failure, PlannedModule, PlanResult } from './results.js';
import { gatherWanted } from './wanted.js';

export interface RemovalOptions {
  /** Module ids and names of stacks. */
  readonly ids: readonly string[];
  readonly sha?: string;
  readonly policyRef?: string;
  /** Where the module is; needed only where several hosts have it, or another one than the commit declares. */
  readonly host?: string;
}

/** Of a commit, never of the work tree: what it has decides which files stay. */
export async function planRemoval(world: World, options: RemovalOptions): Promise<PlanResult> {
  const git = await world.openGit(world.directory);
  const sha = options.sha === undefined ? (await git.head()).sha : await commitOf(git, options.sha);
  const gathered = await gatherWanted(world, git, { sha });
  const named = options.policyRef === undefined ? {} : { policyRef: options.policyRef };
  const policy = await resolvePolicy(world, git, { asking: false, ...named }, readPlatform);
  const context = planContext(world, git, gathered, policy, timestamp(world.clock.now()));
  const planned: PlannedModule[] = [];
  const errors: Failure[] = [];
  const warnings: string[] = [];
  for (const id of modulesNamed(gathered.wanted, options.ids)) {
    try {
      const one = await removal(world, policy, id, options.host ?? gathered.wanted.modules.get(id)?.host, context);
      if ('nothing' in one) warnings.push(one.nothing);
      else planned.push(one);
    } catch (error) {
      errors.push(failureOf(error, id));
    }
  }
  warnings.push(...(await keepPlans(world, git.root, planned)));
  return {
    sourceSha: gathered.sha,
    branch: gathered.branch,
    dirty: false,
    offline: false,
    planned,
    undeclared: [],
    errors,
    leftOut: 0,
    warnings,
    written: [],
    exitCode: worstExit([
      ...errors.map((error) => error.exitCode),
      planned.length > 0 ? EXIT_CHANGES : EXIT_NO_CHANGES,
    ]),
  };
}

async function removal(
  world: World,
  policy: Policy,
  id: string,
  host: string | undefined,
  context: PlanContext,
): Promise<PlannedModule | { readonly nothing: string }> {
  const hosts = host === undefined ? [...policy.platform.hosts.keys()] : [host];
  const found = await findApplied(world, policy.platform, id, hosts);
  try {
    const having = found.filter((one) => one.status?.plan_digest != null);
    const [only, ...more] = having;
    if (more.length > 0)
      throw severalHosts(
        id,
        having.map((one) => one.name),
      );
    const config = only && policy.platform.hosts.get(only.name);
    const look = only && config ? await lookToRemove(only.exchange, config, id, context) : null;
    if (look) return look;
    if (context.declared.has(id) || found.some((one) => one.status))
      return { nothing: `nothing of ${id} is applied on ${hosts.join(', ')}: there is nothing to remove` };
    throw new PlatformError({
      code: 'PCTL-MODULE-UNKNOWN',
      exit: EXIT_INVALID,
      summary: `no module ${id}: the commit does not declare it, and no host has a record of it`,
      hint: 'platformctl status lists what is undeclared',
    });
  } finally {
    await Promise.all(found.map((one) => one.host.close()));
  }
}

const severalHosts = (id: string, hosts: readonly string[]): PlatformError =>
  new PlatformError({
    code: 'PCTL-REMOVE-SEVERAL',
    exit: EXIT_INVALID,
    summary: `${id} is applied on several hosts: ${hosts.join(', ')}`,
    hint: `platformctl plan ${id} --remove --host ${hosts[0]}`,
  });
