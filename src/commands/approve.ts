import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { type ApproveResult, approve } from '../flows/approve.js';
import type { World } from '../ports.js';
import { showText } from '../views/show.js';
import { safe } from '../views/style.js';
import { errStyleOf, type Globals, printJson, wantsJson } from './output.js';

export interface ApproveFlags extends Globals {
  readonly key?: string;
  readonly full?: boolean;
}

/** `platformctl approve PLAN|ID... [--key FILE]` */
export async function run(world: World, args: string[], flags: ApproveFlags): Promise<ExitCode> {
  if (args.length === 0) {
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: 'no plan was named',
      hint: 'platformctl approve ID, or a plan file',
    });
  }
  const git = await world.openGit(world.directory);
  const result = await approve(world, git, args, {
    ...(flags.key === undefined ? {} : { key: flags.key }),
    // What is signed has to be seen, whatever else is asked for: it goes to stderr, so that stdout stays data (C-1).
    show: (plans) => {
      for (const plan of plans) world.terminal.err(showText(plan, errStyleOf(world, flags)));
    },
  });
  if (wantsJson(flags)) printJson(world, flags, approveJson(result));
  else world.terminal.out(approveText(result, flags.full === true));
  for (const warning of result.warnings) world.terminal.err(`warning: ${warning}\n`);
  return result.exitCode;
}

/** schemas/approve.schema.json */
export function approveJson(result: ApproveResult): object {
  const { digests, files, principal, key, exitCode } = result;
  return { schema_version: '1.0', exitCode, digests, files, principal, key };
}

export function approveText(result: ApproveResult, full: boolean): string {
  const lines: string[] = [];
  for (const module of result.unchanged) lines.push(`${safe(module)} changes nothing and needs no approval`);
  if (result.digests.length > 0) {
    const digests = result.digests.map((digest) => (full ? digest : digest.slice(0, 12))).join(', ');
    lines.push(
      `signed by ${safe(result.principal ?? 'an unknown key')} (${result.key}): ${result.digests.length === 1 ? 'plan' : 'plans'} ${digests}`,
    );
    for (const file of result.files) lines.push(`  ${safe(file)}`);
    const [first = 'PLAN'] = result.signed.map(safe);
    lines.push(`next: platformctl apply ${first}; platformctl explain-approval ${first} tells whether it is enough`);
  }
  return `${lines.join('\n')}\n`;
}
