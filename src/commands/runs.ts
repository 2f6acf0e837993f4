import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { runsFlow } from '../flows/runs.js';
import type { World } from '../ports.js';
import { runsJson, runsText } from '../views/runs.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

const LIMIT_MAX = 10_000;

/** `platformctl runs [ID]` */
export async function run(
  world: World,
  [id]: string[],
  flags: Globals & { readonly host?: string; readonly limit?: string; readonly full?: boolean },
): Promise<ExitCode> {
  const limit = Number(flags.limit ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: `--limit takes a number from 1 to ${LIMIT_MAX}`,
      hint: '--limit 100',
    });
  const result = await runsFlow(world, id, { limit, ...(flags.host === undefined ? {} : { host: flags.host }) });
  if (wantsJson(flags)) printJson(world, flags, runsJson(result));
  else world.terminal.out(runsText(result, styleOf(world, flags)));
  return result.exitCode;
}
