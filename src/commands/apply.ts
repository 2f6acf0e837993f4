import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { type Ask, applyFlow } from '../flows/apply.js';
import type { Report, StepEvent, World } from '../ports.js';
import { applyJson, applyText } from '../views/apply.js';
import { progressLine } from '../views/progress.js';
import { showText } from '../views/show.js';
import { type Globals, printJson, styleOf } from './output.js';

export interface ApplyFlags extends Globals {
  readonly approvedSha?: string;
  readonly approvedPr?: string;
  readonly approval?: readonly string[];
  readonly policyRef?: string;
  readonly dryRun?: boolean;
  readonly lockWait?: string;
  readonly full?: boolean;
}

/** `platformctl apply PLAN|ID` */
export async function run(world: World, args: string[], flags: ApplyFlags): Promise<ExitCode> {
  const style = styleOf(world, flags);
  const report: Report = (event: StepEvent) => {
    if (flags.jsonLines) world.terminal.out(`${JSON.stringify(event)}\n`);
    else if (flags.quiet || flags.json) return;
    else if (world.terminal.interactive && event.state !== 'done' && event.state !== 'failed')
      world.terminal.progress(progressLine(event));
    else world.terminal.err(`${progressLine(event)}\n`);
  };
  const ask: Ask = {
    confirm: async (plan, destructive) => {
      world.terminal.err(showText(plan, style));
      const question = destructive
        ? `This is destructive. Type ${plan.module} to apply it: `
        : 'Apply this plan? Type yes: ';
      const answer = await world.terminal.ask(question);
      if (answer === null) return 'no terminal';
      if (destructive) return answer.trim() === plan.module ? 'module id' : 'declined';
      return answer.trim() === 'yes' ? 'yes' : 'declined';
    },
  };
  const result = await applyFlow(
    world,
    {
      references: args,
      approvals: flags.approval ?? [],
      dryRun: flags.dryRun === true,
      lockWait: flags.lockWait === undefined ? 0 : seconds(flags.lockWait),
      ...(flags.approvedSha === undefined ? {} : { approvedSha: flags.approvedSha }),
      ...(flags.approvedPr === undefined ? {} : { approvedPr: flags.approvedPr }),
      ...(flags.policyRef === undefined ? {} : { policyRef: flags.policyRef }),
    },
    report,
    ask,
  );
  if (flags.json || flags.jsonLines) printJson(world, applyJson([result]));
  else world.terminal.out(applyText([result], style));
  return result.exitCode;
}

function seconds(text: string): number {
  if (/^[0-9]{1,6}$/.test(text)) return Number(text);
  throw new PlatformError({
    code: 'PCTL-USAGE',
    exit: EXIT_TOOL_ERROR,
    summary: `--lock-wait takes seconds, not ${text}`,
    hint: '--lock-wait 300',
  });
}
