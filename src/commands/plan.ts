import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { planFlow } from '../flows/plan.js';
import { writePlans } from '../flows/plan-files.js';
import { planRemoval } from '../flows/removal.js';
import type { World } from '../ports.js';
import { planJson, planText } from '../views/plan.js';
import { errStyleOf, type Globals, printJson, styleOf, wantsJson } from './output.js';

export interface PlanFlags extends Globals {
  readonly sha?: string;
  readonly all?: boolean;
  readonly changedSince?: string;
  readonly offline?: boolean;
  readonly out?: string;
  readonly outDir?: string;
  readonly policyRef?: string;
  readonly full?: boolean;
  readonly remove?: boolean;
  readonly host?: string;
}

/** `platformctl plan [ID...]` */
export async function run(world: World, args: string[], flags: PlanFlags): Promise<ExitCode> {
  if (flags.all && args.length > 0) throw usage('--all and module ids exclude each other', 'leave one of them out');
  if (flags.remove) refuseWithRemove(args, flags);
  else if (flags.host !== undefined) throw usage('--host goes with --remove', 'leave it out');
  const common = {
    ids: args,
    ...(flags.sha === undefined ? {} : { sha: flags.sha }),
    ...(flags.policyRef === undefined ? {} : { policyRef: flags.policyRef }),
  };
  const result = flags.remove
    ? await planRemoval(world, { ...common, ...(flags.host === undefined ? {} : { host: flags.host }) })
    : await planFlow(world, {
        ...common,
        ...(flags.changedSince === undefined ? {} : { changedSince: flags.changedSince }),
        ...(flags.offline ? { offline: true } : {}),
      });
  const plans = result.planned.map((one) => one.plan);
  if (flags.out !== undefined && flags.out !== '-' && plans.length > 1)
    throw usage('--out FILE takes one module', 'use --out-dir DIR, or --out - for JSON lines');
  const written = await writePlans(world, plans, flags);
  const whole = { ...result, written };
  // The plans are the data then; what could not be planned is told all the same.
  if (flags.out === '-') world.terminal.err(planText(whole, errStyleOf(world, flags)));
  else if (wantsJson(flags)) printJson(world, flags, planJson(whole));
  else world.terminal.out(planText(whole, styleOf(world, flags)));
  return result.exitCode;
}

/** What is removed is named, and its host is asked. */
function refuseWithRemove(ids: readonly string[], flags: PlanFlags): void {
  if (ids.length === 0) throw usage('--remove needs the modules to remove', 'platformctl plan ID --remove');
  if (flags.offline || flags.changedSince !== undefined)
    throw usage('--remove goes neither with --offline nor with --changed-since', 'leave them out');
}

const usage = (summary: string, hint: string): PlatformError =>
  new PlatformError({ code: 'PCTL-USAGE', exit: EXIT_TOOL_ERROR, summary, hint });
