/** What every look at hosts begins with. */
import type { Platform } from '../manifest/model.js';
import type { Git, World } from '../ports.js';
import { resolvePolicy } from './policy.js';
import { readPlatform } from './read-platform.js';

/** The config that judges, and the repo that it is of. */
export async function platformOf(world: World): Promise<{ platform: Platform; git: Git; root: string }> {
  const git = await world.openGit(world.directory);
  const policy = await resolvePolicy(world, git, { asking: false }, readPlatform);
  return { platform: policy.platform, git, root: git.root };
}
