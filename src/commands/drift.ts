import type { ExitCode } from '../exits.js';
import { driftFlow } from '../flows/drift.js';
import type { World } from '../ports.js';
import { driftJson, driftText } from '../views/drift.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl drift [ID...]` */
export async function run(world: World, args: string[], flags: Globals): Promise<ExitCode> {
  const result = await driftFlow(world, args);
  if (wantsJson(flags)) printJson(world, flags, driftJson(result));
  else world.terminal.out(driftText(result, styleOf(world, {})));
  return result.exitCode;
}
