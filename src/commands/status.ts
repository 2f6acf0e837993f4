import type { ExitCode } from '../exits.js';
import { statusFlow } from '../flows/status.js';
import type { World } from '../ports.js';
import { statusJson, statusText } from '../views/status.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl status [ID...]` */
export async function run(
  world: World,
  args: string[],
  flags: Globals & { readonly full?: boolean },
): Promise<ExitCode> {
  const result = await statusFlow(world, args);
  if (wantsJson(flags)) printJson(world, flags, statusJson(result));
  else world.terminal.out(statusText(result, styleOf(world, flags)));
  return result.exitCode;
}
