import type { PlannedFile } from '../plan/files.js';
import type { Git, World } from '../ports.js';
import { relationOf } from './approvals.js';
import type { PlanContext } from './looks.js';
import { type Policy, policyDigest } from './policy.js';
import type { Prepared } from './prepare.js';
import type { Gathered } from './wanted.js';

export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export function planContext(world: World, git: Git, gathered: Gathered, policy: Policy, now: string): PlanContext {
  const dirty = new Set(gathered.dirtyPaths);
  const toRepo = (one: Prepared, path: string): string =>
    one.host.repoRoot === '' ? path : `${one.host.repoRoot}/${path}`;
  return {
    version: world.version,
    createdAt: now,
    sourceSha: gathered.sha,
    dirty: (one: Prepared, files: readonly PlannedFile[]) =>
      gathered.workTree &&
      (dirty.has(one.module.manifestPath) ||
        files.some((file) => file.source === 'commit' && dirty.has(toRepo(one, file.path)))),
    policyOf: (one) => ({
      ref: policy.ref,
      sha: policy.sha,
      digest: policyDigest(policy.platform, one.module.id, one.module.host, policy.allowedSigners),
    }),
    inCommit: (path) => gathered.entries.has(path),
    relation: (last) => relationOf(git, last, gathered.sha),
    read: (paths) => gathered.read(paths),
    declared: new Map(
      [...gathered.wanted.modules.values()].map((module) => [
        module.id,
        {
          host: module.host,
          service: module.service,
          dependsOn: module.dependsOn,
          composeFile: module.composeFile,
          project: module.project,
        },
      ]),
    ),
  };
}
