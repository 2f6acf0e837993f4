import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode, worstExit } from '../exits.js';
import { type Ask, applyFlow } from '../flows/apply.js';
import type { LoadedPlan } from '../flows/plan-files.js';
import type { Report, StepEvent, World } from '../ports.js';
import { applyJson, applyText } from '../views/apply.js';
import { stackText } from '../views/errors.js';
import { progressLine } from '../views/progress.js';
import { showText } from '../views/show.js';
import { errStyleOf, type Globals, printJson, styleOf, wantsJson } from './output.js';

export interface ApplyFlags extends Globals {
  readonly approvedSha?: string;
  readonly approvedPr?: string;
  readonly approval?: readonly string[];
  readonly policyRef?: string;
  readonly dryRun?: boolean;
  readonly lockWait?: string;
  readonly parallel?: string;
  readonly keepGoing?: boolean;
  readonly full?: boolean;
}

/** `platformctl apply PLAN|ID...`; `loaded`: plans that the caller made. */
export async function run(
  world: World,
  args: string[],
  flags: ApplyFlags,
  loaded: readonly LoadedPlan[] = [],
): Promise<ExitCode> {
  const style = styleOf(world, flags);
  const report: Report = (event: StepEvent) => {
    if (flags.jsonLines) world.terminal.out(`${JSON.stringify(event)}\n`);
    else if (flags.quiet) return;
    else if (world.terminal.interactive && event.state !== 'done' && event.state !== 'failed')
      world.terminal.progress(progressLine(event));
    else world.terminal.err(`${progressLine(event)}\n`);
  };
  const ask: Ask = {
    confirm: async (plans, destructive) => {
      for (const plan of plans) world.terminal.err(showText(plan, errStyleOf(world, flags)));
      const [id] = plans.map((plan) => plan.module);
      const which = plans.length === 1 ? 'this plan' : `these ${plans.length} plans`;
      const question = destructive ? `This is destructive. Type ${id} to apply it: ` : `Apply ${which}? Type yes: `;
      const answer = await world.terminal.ask(question);
      if (answer === null) return 'no terminal';
      if (destructive) return answer.trim() === id ? 'module id' : 'declined';
      return answer.trim() === 'yes' ? 'yes' : 'declined';
    },
  };
  const results = await applyFlow(
    world,
    {
      references: args,
      loaded,
      approvals: flags.approval ?? [],
      dryRun: flags.dryRun === true,
      lockWait: flags.lockWait === undefined ? 0 : whole('--lock-wait', 'seconds', flags.lockWait, 0),
      parallel: flags.parallel === undefined ? HOSTS_AT_ONCE : whole('--parallel', 'hosts', flags.parallel, 1),
      keepGoing: flags.keepGoing === true,
      ...(flags.approvedSha === undefined ? {} : { approvedSha: flags.approvedSha }),
      ...(flags.approvedPr === undefined ? {} : { approvedPr: flags.approvedPr }),
      ...(flags.policyRef === undefined ? {} : { policyRef: flags.policyRef }),
    },
    report,
    ask,
  );
  if (wantsJson(flags)) printJson(world, flags, applyJson(results));
  else world.terminal.out(applyText(results, style));
  if (flags.debug) for (const { thrown } of results) world.terminal.err(stackText(thrown));
  return worstExit(results.map((result) => result.exitCode));
}

/** As Terraform: enough for a fleet, and few enough for one machine's connections. */
const HOSTS_AT_ONCE = 10;

function whole(flag: string, unit: string, text: string, least: number): number {
  if (/^[0-9]{1,6}$/.test(text) && Number(text) >= least) return Number(text);
  throw new PlatformError({
    code: 'PCTL-USAGE',
    exit: EXIT_TOOL_ERROR,
    summary: `${flag} takes a number of ${unit}${least > 0 ? `, at least ${least}` : ''}, not ${text}`,
    hint: `${flag} 10`,
  });
}
