import type { ExitCode } from '../exits.js';
import { writePlans } from '../flows/plan-files.js';
import { rollbackPlan } from '../flows/rollback.js';
import type { World } from '../ports.js';
import { planJson, planText } from '../views/plan.js';
import { safe } from '../views/style.js';
import { type ApplyFlags, run as apply } from './apply.js';
import { errStyleOf, printJson, styleOf, wantsJson } from './output.js';

export interface RollbackFlags extends ApplyFlags {
  readonly to?: string;
  readonly out?: string;
}

/** `platformctl rollback ID [--to SHA] [--out FILE]`: makes the plan, and applies it as any other unless it is only written. */
export async function run(world: World, args: string[], flags: RollbackFlags): Promise<ExitCode> {
  const [id = ''] = args;
  const result = await rollbackPlan(world, {
    id,
    ...(flags.to === undefined ? {} : { to: flags.to }),
    ...(flags.policyRef === undefined ? {} : { policyRef: flags.policyRef }),
    dryRun: flags.dryRun === true,
  });
  if (flags.out === undefined) {
    for (const warning of result.warnings) world.terminal.err(`warning: ${safe(warning)}\n`);
    return apply(world, [], flags, result.loaded);
  }
  const plans = result.planned.map((one) => one.plan);
  const whole = { ...result, written: await writePlans(world, plans, { out: flags.out }) };
  if (flags.out === '-') world.terminal.err(planText(whole, errStyleOf(world, flags)));
  else if (wantsJson(flags)) printJson(world, flags, planJson(whole));
  else world.terminal.out(planText(whole, styleOf(world, flags)));
  return result.exitCode;
}
