import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { resolvePolicy } from '../flows/policy.js';
import { readPlatform } from '../flows/read-platform.js';
import type { World } from '../ports.js';
import { type Globals, printJson } from './output.js';

/** `platformctl config view`: the config of the policy ref, defaults filled in; it holds no secrets. */
export async function run(
  world: World,
  _args: string[],
  flags: Globals & { readonly policyRef?: string },
): Promise<ExitCode> {
  const git = await world.openGit(world.directory);
  const policy = await resolvePolicy(
    world,
    git,
    { asking: false, ...(flags.policyRef ? { policyRef: flags.policyRef } : {}) },
    readPlatform,
  );
  const { hosts, ...rest } = policy.platform;
  printJson(world, {
    schema_version: '1.0',
    exitCode: EXIT_NO_CHANGES,
    policy: { ref: policy.ref, sha: policy.sha, how: policy.how },
    config: { ...rest, hosts: Object.fromEntries(hosts) },
  });
  return EXIT_NO_CHANGES;
}
