import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import type { World } from '../ports.js';
import { type Globals, printJson, wantsJson } from './output.js';

/** `platformctl version` */
export async function run(world: World, _args: string[], flags: Globals): Promise<ExitCode> {
  if (wantsJson(flags))
    printJson(world, flags, { schema_version: '1.0', exitCode: EXIT_NO_CHANGES, version: world.version });
  else world.terminal.out(`${world.version}\n`);
  return EXIT_NO_CHANGES;
}
