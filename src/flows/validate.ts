/** `validate`: everything that is wrong with the work tree's manifests, in one go (M-2, M-8, M-11). Contacts no host and changes nothing. */
import type { ComposeFile } from '../compose/model.js';
import { references } from '../compose/references.js';
import { steeringProblems } from '../compose/steering.js';
import type { Problem } from '../errors.js';
import { EXIT_INVALID, EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { parseAllowedSigners } from '../gate/allowed-signers.js';
import { ordered } from '../manifest/findings.js';
import type { ServiceModule } from '../manifest/model.js';
import { dotenvOf, treeOf, wantedFiles } from '../plan/files.js';
import type { World } from '../ports.js';
import { crossProblems, parseAll } from './compose-files.js';
import { type Gathered, gatherWanted } from './wanted.js';

const SIGNERS_PATH = '.platform/allowed_signers';
/** Problems that are shown (I-4). */
const MAX_PROBLEMS = 2_000;

export interface ValidateResult {
  readonly problems: readonly Problem[];
  readonly modules: number;
  readonly hosts: number;
  readonly exitCode: ExitCode;
}

/** @throws PlatformError PCTL-NO-REPO (2) */
export async function validateFlow(world: World): Promise<ValidateResult> {
  const git = await world.openGit(world.directory);
  const gathered = await gatherWanted(world, git, { workTree: true, withoutCommit: true });
  const { wanted } = gathered;
  const modules = [...wanted.modules.values()];
  const composePaths = [...new Set(modules.map(({ composeFile }) => composeFile))];
  const bytes = await gathered.read([...composePaths, SIGNERS_PATH]);

  const problems: Problem[] = [...wanted.problems];
  const signers = bytes.get(SIGNERS_PATH);
  if (signers) problems.push(...parseAllowedSigners(signers, SIGNERS_PATH).problems);
  const parsed = parseAll(modules, bytes, gathered.compose);
  const files = new Map<string, ComposeFile>();
  for (const [path, one] of parsed) {
    if (one.ok) files.set(path, one.file);
    else problems.push(...one.problems);
  }
  problems.push(...crossProblems(wanted, parsed), ...fileProblems(gathered, modules, files));
  for (const [path, text] of await gathered.read([...new Set(modules.map(dotenvOf))]))
    problems.push(...steeringProblems(new TextDecoder().decode(text), path));
  const shown = ordered(distinct(problems), MAX_PROBLEMS);
  return {
    problems: shown,
    modules: modules.length,
    hosts: wanted.platform.hosts.size,
    exitCode: shown.length === 0 ? EXIT_NO_CHANGES : EXIT_INVALID,
  };
}

/** M-8, M-4: files that a service names and that are nowhere, or where they may not be. */
function fileProblems(
  gathered: Gathered,
  modules: readonly ServiceModule[],
  files: ReadonlyMap<string, ComposeFile>,
): Problem[] {
  const tree = treeOf(gathered.entries.values());
  return modules.flatMap((module) => {
    const file = files.get(module.composeFile);
    const host = gathered.wanted.platform.hosts.get(module.host);
    if (!file?.services.has(module.service) || !host) return [];
    return wantedFiles(module, host, references(file, module.service), tree).problems;
  });
}

/** Modules that share a compose file find the same problems in it; the first of each, which has the better place, is kept. */
function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.file}\n${problem.code}\n${problem.message}`;
    const other = seen.get(key);
    // The same words at another line of the same file are two problems, unless one of them has no place of its own.
    if (!other) seen.set(key, problem);
    else if (problem.line !== 1 && (problem.line !== other.line || problem.column !== other.column)) {
      seen.set(`${key}\n${problem.line}:${problem.column}`, problem);
    }
  }
  return [...seen.values()];
}
