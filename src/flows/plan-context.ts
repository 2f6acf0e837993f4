import { folderOf, joinRepoPath } from '../manifest/paths.js';
import { dotenvOf, inRepo, type PlannedFile } from '../plan/files.js';
import { namedPaths } from '../plan/named-paths.js';
import type { Git, World } from '../ports.js';
import { relationOf } from './approvals.js';
import type { PlanContext } from './looks.js';
import { type Policy, policyDigest } from './policy.js';
import type { Prepared } from './prepare.js';
import { declarations, type Gathered } from './wanted.js';

export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export function planContext(world: World, git: Git, gathered: Gathered, policy: Policy, now: string): PlanContext {
  return {
    version: world.version,
    createdAt: now,
    sourceSha: gathered.sha,
    dirty: (one, files) => isDirty(gathered.dirtyPaths, one, files),
    policyOf: (one) => ({
      ref: policy.ref,
      sha: policy.sha,
      digest: policyDigest(policy.platform, one.module.id, one.module.host, policy.allowedSigners),
    }),
    inCommit: (path) => gathered.entries.has(path),
    relation: (last) => relationOf(git, last, gathered.sha),
    declaredAt: declarations(world, git),
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

/** M-4: whether anything of the module differs from HEAD, or is in one of the two only: of what is deleted on disk no file is left in the plan, so what it names counts too. */
export function isDirty(
  dirtyPaths: readonly string[],
  { module, host, references }: Pick<Prepared, 'module' | 'host' | 'references'>,
  files: readonly PlannedFile[],
): boolean {
  if (dirtyPaths.length === 0) return false;
  const named = new Set([...namedPaths(module, references), ...module.files, dotenvOf(module), module.manifestPath]);
  const onHost = new Set(module.hostFiles.map((path) => joinRepoPath(folderOf(module.composeFile), path) ?? ''));
  const planned = new Set(files.filter((file) => file.source === 'commit').map((file) => inRepo(host, file.path)));
  return dirtyPaths.some((path) => planned.has(path) || (within(path, named) && !within(path, onHost)));
}

/** Is it one of these paths, or beneath one? */
function within(path: string, paths: ReadonlySet<string>): boolean {
  for (let at = path; at !== ''; at = folderOf(at)) if (paths.has(at)) return true;
  return false;
}
