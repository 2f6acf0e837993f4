import type { ExitCode } from '../exits.js';
import { locksFlow } from '../flows/locks.js';
import type { World } from '../ports.js';
import { locksJson, locksText } from '../views/locks.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl lock list` */
export async function run(
  world: World,
  _args: string[],
  flags: Globals & { readonly host?: string },
): Promise<ExitCode> {
  const result = await locksFlow(world, flags.host);
  if (wantsJson(flags)) printJson(world, flags, locksJson(result));
  else world.terminal.out(locksText(result, styleOf(world, {})));
  return result.exitCode;
}
