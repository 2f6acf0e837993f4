import type { ExitCode } from '../exits.js';
import { doctor } from '../flows/doctor.js';
import type { World } from '../ports.js';
import { checksJson, checksText } from '../views/checks.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl doctor` */
export async function run(world: World, _args: string[], flags: Globals): Promise<ExitCode> {
  const { checks, exitCode } = await doctor(world);
  if (wantsJson(flags)) printJson(world, flags, checksJson(checks, exitCode));
  else world.terminal.out(checksText(checks, styleOf(world, {}), exitCode));
  return exitCode;
}
