/** Which modules a plan is about, and which of them cannot be (P-1, M-2). */
import { references } from '../compose/references.js';
import { PlatformError, type Problem } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import type { ServiceModule } from '../manifest/model.js';
import { folderOf } from '../manifest/paths.js';
import { namedPaths } from '../plan/named-paths.js';
import type { Git } from '../ports.js';
import { readAll } from './compose-files.js';
import { problemFailure } from './prepare.js';
import { askedModules } from './references.js';
import type { Failure } from './results.js';
import type { Gathered } from './wanted.js';

export interface PlanOptions {
  /** Module ids and names of stacks; none: every service module. */
  readonly ids: readonly string[];
  readonly sha?: string;
  readonly changedSince?: string;
  readonly offline?: boolean;
  readonly policyRef?: string;
}

export async function commitOf(git: Git, rev: string): Promise<string> {
  const sha = await git.resolve(rev);
  if (sha !== null) return sha;
  throw new PlatformError({
    code: 'PCTL-GIT-UNKNOWN',
    exit: EXIT_TOOL_ERROR,
    summary: `there is no commit ${rev} here`,
    hint: 'git fetch it first; in CI set fetch-depth: 0',
  });
}

/** Which modules a person asked for. `compose`: the compose files that were parsed for it, beside those that were known. */
export async function selected(
  git: Git,
  gathered: Gathered,
  options: PlanOptions,
): Promise<{ ids: string[]; leftOut: number; compose: Gathered['compose'] }> {
  const all = [...gathered.wanted.modules.keys()].sort();
  const broken = new Set(
    gathered.wanted.problems.flatMap((problem) => stoppedBy(gathered, problem, options.ids) ?? []),
  );
  let ids =
    options.ids.length > 0
      ? askedModules(gathered.wanted, options.ids, (id) => broken.has(id))
      : [...new Set([...all, ...broken])].sort();
  let leftOut = 0;
  let { compose } = gathered;
  if (options.changedSince !== undefined) {
    const changed = await changedSince(git, gathered, await commitOf(git, options.changedSince));
    compose = await readAll([...gathered.wanted.modules.values()], gathered.read, compose);
    const kept = ids.filter((id) => {
      const module = gathered.wanted.modules.get(id);
      return !module || pathsOf(module, compose).some((path) => changed.has(path));
    });
    leftOut = ids.length - kept.length;
    ids = kept;
  }
  if (ids.length === 0 && leftOut === 0) {
    throw new PlatformError({
      code: 'PCTL-NO-MODULES',
      exit: EXIT_TOOL_ERROR,
      summary: 'there is no module to plan',
      hint: 'platformctl init writes a first one',
    });
  }
  return { ids, leftOut, compose };
}

/** Paths that differ from a commit, and every folder above them; '' where anything differs. */
async function changedSince(git: Git, gathered: Gathered, since: string): Promise<ReadonlySet<string>> {
  const before = new Map((await git.tree(since)).map((entry) => [entry.path, `${entry.mode} ${entry.id}`]));
  const now = [...gathered.entries.values()];
  const paths = [
    ...now.filter((entry) => before.get(entry.path) !== `${entry.mode} ${entry.id}`).map(({ path }) => path),
    ...[...before.keys()].filter((path) => !gathered.entries.has(path)),
  ];
  const changed = new Set(paths);
  for (const path of paths) {
    let folder = path;
    do {
      folder = folderOf(folder);
      if (changed.has(folder)) break;
      changed.add(folder);
    } while (folder !== '');
  }
  return changed;
}

/** Where a change is one of a module: its folders, and what its manifest and compose file name, also outside of them. */
function pathsOf(module: ServiceModule, compose: Gathered['compose']): string[] {
  const parsed = compose.get(module.composeFile);
  const named = parsed?.ok && parsed.file.services.has(module.service);
  return [
    ...[module.composeFile, module.manifestPath].map(folderOf),
    ...module.files,
    ...(named ? namedPaths(module, references(parsed.file, module.service)) : []),
  ];
}

/**
 * The modules that a problem in a file stops: those that the file's folder declares. null: all of them, for it is in config.yaml or in the whole.
 * @param asked names of the call: which modules a stack that cannot be read has is told only by them
 */
function stoppedBy(gathered: Gathered, problem: Problem, asked: readonly string[]): readonly string[] | null {
  // A module's folder may itself be what is wrong: a link.
  const folder = /^modules\/([^/]+)(?:\/|$)/.exec(problem.file)?.[1];
  if (folder === undefined) return null;
  const members = gathered.wanted.stacks.get(folder);
  if (members) return gathered.wanted.modules.has(folder) ? [...members, folder] : members;
  if (!gathered.entries.has(`modules/${folder}/stack.yaml`)) return [folder];
  return [folder, ...asked.filter((name) => name.startsWith(`${folder}-`) && !gathered.wanted.modules.has(name))];
}

/** Problems of a module's own files stop that module, and others that they name; those of config.yaml and of the whole stop everything. */
export function moduleProblems(gathered: Gathered, ids: readonly string[]): Failure[] {
  const errors: Failure[] = [];
  for (const problem of gathered.wanted.problems) {
    const stopped = stoppedBy(gathered, problem, ids)?.concat(problem.stops ?? []) ?? ids;
    for (const id of ids) if (stopped.includes(id)) errors.push(problemFailure(id, problem));
  }
  return errors;
}
