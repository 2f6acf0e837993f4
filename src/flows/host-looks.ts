/** Looking at hosts without touching them: locks that are held. */
import { readHeld } from '../execute/answers.js';
import { overRun } from '../execute/converse.js';
import { message } from '../execute/protocol.js';
import type { Platform } from '../manifest/model.js';
import type { Git, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { resolvePolicy } from './policy.js';
import { readPlatform } from './read-platform.js';
import type { LockRow } from './results.js';

const LIMIT = { ms: 60_000, step: 'observe' };

/** The config that judges, and the repo that it is of. */
export async function platformOf(world: World): Promise<{ platform: Platform; git: Git; root: string }> {
  const git = await world.openGit(world.directory);
  const policy = await resolvePolicy(world, git, { asking: false }, readPlatform);
  return { platform: policy.platform, git, root: git.root };
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Every lock that somebody holds, on one host or on all. */
export async function listLocks(world: World, only: string | undefined): Promise<LockRow[]> {
  const { platform } = await platformOf(world);
  const rows: LockRow[] = [];
  for (const name of only === undefined ? [...platform.hosts.keys()] : [only]) {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const [answer] = await overRun(host, platform.hosts.get(name)?.remoteRoot ?? '')([message('held')], LIMIT);
      for (const lock of answer ? readHeld(answer, name) : []) {
        let holder: Record<string, unknown> = {};
        try {
          holder = JSON.parse(lock.holder) as Record<string, unknown>;
        } catch {
          // a holder that is just writing who it is
        }
        rows.push({
          host: name,
          name: lock.name,
          state: lock.state,
          runId: text(holder.run_id),
          who: text(holder.who),
          since: text(holder.since),
          sourceSha: text(holder.source_sha),
          ciUrl: text(holder.ci_url),
        });
      }
    } finally {
      await host.close();
    }
  }
  return rows;
}
