/** What looks at hosts have in common. */
import { overRun } from '../execute/converse.js';
import type { Exchange } from '../execute/protocol.js';
import type { Platform } from '../manifest/model.js';
import type { Git, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { resolvePolicy } from './policy.js';
import { failureOn } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Failure } from './results.js';

/** The config that judges, and the repo that it is of. */
export async function platformOf(world: World): Promise<{ platform: Platform; git: Git; root: string }> {
  const git = await world.openGit(world.directory);
  const policy = await resolvePolicy(world, git, { asking: false }, readPlatform);
  return { platform: policy.platform, git, root: git.root };
}

/** The hosts that a look at everything asks, beside those of the modules: not one that is only the way to others (M-10), which may have neither docker nor a folder of ours. */
export function hostsToLookAt({ hosts }: Platform): string[] {
  const ways = new Set([...hosts.values()].flatMap(({ jump }) => jump));
  return [...hosts.keys()].filter((name) => !ways.has(name));
}

/** Asks every host at once; one that is not reached hides none of the others (P-9). */
export async function askHosts<T>(
  world: World,
  platform: Platform,
  hosts: readonly string[],
  ask: (exchange: Exchange, host: string) => Promise<T>,
): Promise<{ readonly answers: readonly T[]; readonly errors: readonly Failure[] }> {
  const answers: T[] = [];
  const errors: Failure[] = [];
  await Promise.all(
    hosts.map(async (name) => {
      try {
        const host = await world.connect(hostAddress(platform, name));
        try {
          answers.push(await ask(overRun(host, platform.hosts.get(name)?.remoteRoot ?? ''), name));
        } finally {
          await host.close();
        }
      } catch (error) {
        errors.push(failureOn(name, error, null));
      }
    }),
  );
  return { answers, errors };
}
