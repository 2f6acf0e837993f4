import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { listLocks } from '../flows/host-looks.js';
import type { World } from '../ports.js';
import { locksJson, locksText } from '../views/locks.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl lock list` */
export async function run(
  world: World,
  _args: string[],
  flags: Globals & { readonly host?: string },
): Promise<ExitCode> {
  const rows = await listLocks(world, flags.host);
  if (wantsJson(flags)) printJson(world, flags, locksJson(rows));
  else world.terminal.out(locksText(rows, styleOf(world, {})));
  return EXIT_NO_CHANGES;
}
