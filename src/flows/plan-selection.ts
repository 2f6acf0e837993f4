/** Which modules a plan is about, and which of them cannot be (P-1, M-2). */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import type { Git } from '../ports.js';
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

/** Which modules a person asked for. */
export async function selected(
  git: Git,
  gathered: Gathered,
  options: PlanOptions,
): Promise<{ ids: string[]; leftOut: number }> {
  const all = [...gathered.wanted.modules.keys()].sort();
  const broken = new Set(
    gathered.wanted.problems.map((problem) => moduleOfPath(problem.file)).filter((id): id is string => id !== null),
  );
  let ids =
    options.ids.length > 0
      ? askedModules(gathered.wanted, options.ids, (id) => broken.has(id))
      : [...new Set([...all, ...broken])].sort();
  let leftOut = 0;
  if (options.changedSince !== undefined) {
    const since = await commitOf(git, options.changedSince);
    const before = new Map((await git.tree(since)).map((entry) => [entry.path, `${entry.mode} ${entry.id}`]));
    const changed = new Set<string>();
    for (const entry of gathered.entries.values())
      if (before.get(entry.path) !== `${entry.mode} ${entry.id}`) changed.add(entry.path);
    for (const path of before.keys()) if (!gathered.entries.has(path)) changed.add(path);
    const kept = ids.filter((id) => {
      const module = gathered.wanted.modules.get(id);
      if (!module) return true;
      const folder = module.composeFile.includes('/')
        ? `${module.composeFile.slice(0, module.composeFile.lastIndexOf('/'))}/`
        : '';
      return [...changed].some(
        (path) =>
          path === module.manifestPath ||
          path.startsWith(`modules/${id}/`) ||
          path.startsWith(folder) ||
          module.files.some((file) => path === file || path.startsWith(`${file}/`)),
      );
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
  return { ids, leftOut };
}

/** A module's folder may itself be what is wrong: a link. */
const moduleOfPath = (file: string): string | null => /^modules\/([^/]+)(?:\/|$)/.exec(file)?.[1] ?? null;

/** Problems of a module's own files stop that module, and others that they name; those of config.yaml and of the whole stop everything. */
export function moduleProblems(gathered: Gathered, ids: readonly string[]): Failure[] {
  const errors: Failure[] = [];
  for (const problem of gathered.wanted.problems) {
    const id = moduleOfPath(problem.file);
    const stopped = id === null ? ids : [id, ...(problem.stops ?? [])];
    for (const one of new Set(stopped)) if (ids.includes(one)) errors.push(problemFailure(one, problem));
  }
  return errors;
}
