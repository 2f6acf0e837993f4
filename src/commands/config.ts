import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { resolvePolicy } from '../flows/policy.js';
import { readPlatform } from '../flows/read-platform.js';
import type { World } from '../ports.js';
import { configJson } from '../views/config.js';
import { type Globals, printJson } from './output.js';

/** `platformctl config view`: JSON whether it is asked for or not, which is YAML too. */
export async function run(
  world: World,
  _args: string[],
  flags: Globals & { readonly policyRef?: string },
): Promise<ExitCode> {
  const git = await world.openGit(world.directory);
  const named = flags.policyRef ? { policyRef: flags.policyRef } : {};
  printJson(world, flags, configJson(await resolvePolicy(world, git, { asking: false, ...named }, readPlatform)));
  return EXIT_NO_CHANGES;
}
