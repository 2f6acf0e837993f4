import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { importFlow } from '../flows/import.js';
import type { World } from '../ports.js';
import { importJson, importText } from '../views/import.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl import HOST` */
export async function run(world: World, args: string[], flags: Globals): Promise<ExitCode> {
  const result = await importFlow(world, args[0] ?? '');
  if (wantsJson(flags)) printJson(world, flags, importJson(result));
  else world.terminal.out(importText(result, styleOf(world, {})));
  return EXIT_NO_CHANGES;
}
