/** What each module of a commit asks for, before any host was looked at: compose file parsed and judged as text, files found (P-7, P-15). */
import { parseCompose } from '../compose/file.js';
import type { ComposeFile, ParsedCompose, PolicyContext, References, Verdict } from '../compose/model.js';
import { judgeText } from '../compose/policy.js';
import { references } from '../compose/references.js';
import { steeringProblems } from '../compose/steering.js';
import { PlatformError, type Problem } from '../errors.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, type ExitCode } from '../exits.js';
import { problemExit } from '../manifest/findings.js';
import type { HostConfig, Platform, ServiceModule } from '../manifest/model.js';
import { folderOf } from '../manifest/paths.js';
import { projectName } from '../manifest/project.js';
import type { Plan } from '../manifest/types.js';
import { canonical } from '../plan/artifact.js';
import { dotenvOf, onHost, type Tree, treeOf, type WantedFiles, wantedFiles } from '../plan/files.js';
import { crossProblems, parseAll } from './compose-files.js';
import { denialFailures } from './denials.js';
import type { Failure } from './results.js';
import type { Gathered } from './wanted.js';

/** A module that passed everything that can be told from the commit. */
export interface Prepared {
  readonly module: ServiceModule;
  readonly host: HostConfig;
  readonly compose: ComposeFile;
  readonly composeBytes: Uint8Array;
  /** What `manifest_digest` covers. */
  readonly manifest: Uint8Array;
  /** Beneath remote_root. */
  readonly composeFile: string;
  readonly references: References;
  readonly wanted: WantedFiles;
  readonly tree: Tree;
  readonly project: { readonly name: string; readonly source: Plan['project_source'] };
  readonly verdict: Verdict;
  readonly context: PolicyContext;
}

export interface Preparation {
  readonly prepared: readonly Prepared[];
  readonly errors: readonly Failure[];
}

export function failureOf(error: unknown, module: string | null): Failure {
  if (!(error instanceof PlatformError)) throw error;
  return {
    module,
    code: error.code,
    summary: error.summary,
    where: error.where ?? null,
    why: error.why ?? null,
    hint: error.hint ?? null,
    exitCode: error.exit,
  };
}

/** The same of a host, which it names. */
export function failureOn(host: string, error: unknown, module: string | null): Failure {
  const failure = failureOf(error, module);
  return { ...failure, where: { ...failure.where, host } };
}

export const problemFailure = (
  module: string,
  problem: Problem,
  exitCode: ExitCode = problemExit(problem),
): Failure => ({
  module,
  code: problem.code,
  summary: problem.message,
  where: { file: problem.file, line: problem.line, column: problem.column },
  why: null,
  hint: problem.hint ?? null,
  exitCode,
});

/** `platform` is the policy ref's (G-1): the commit cannot move its own hosts or weaken its own rules. `today`: YYYY-MM-DD. */
export async function prepare(
  gathered: Gathered,
  platform: Platform,
  ids: readonly string[],
  today: string,
): Promise<Preparation> {
  const errors: Failure[] = [];
  const prepared: Prepared[] = [];
  const tree = treeOf(gathered.entries.values());
  const modules = ids
    .map((id) => gathered.wanted.modules.get(id))
    .filter((module): module is ServiceModule => module !== undefined);
  const all = [...gathered.wanted.modules.values()];
  const paths = new Set([
    ...modules.flatMap((module) => [module.manifestPath, dotenvOf(module)]),
    ...all.map((module) => module.composeFile),
  ]);
  const bytes = await gathered.read([...paths].filter((path) => tree.file(path)));
  const parsed = parseAll(all, bytes, gathered.compose);
  const cross = crossProblems(gathered.wanted, parsed);

  for (const module of modules) {
    try {
      const host = platform.hosts.get(module.host);
      if (!host) {
        errors.push({
          module: module.id,
          code: 'PCTL-GATE-HOST',
          summary: `host ${module.host} is not in .platform/config.yaml`,
          where: { file: module.manifestPath },
          why: 'a host that the policy ref does not name does not exist',
          hint: 'add it to hosts: of .platform/config.yaml on the protected branch',
          exitCode: EXIT_POLICY_VIOLATION,
        });
        continue;
      }
      const against = cross.filter((problem) => problem.module === module.id || problem.stops?.includes(module.id));
      if (against.length > 0) {
        errors.push(...against.map((problem) => problemFailure(module.id, problem)));
        continue;
      }
      const manifest = manifestOf(module, gathered, bytes);
      const one = prepareModule(
        { ...module, delivery: module.ownDelivery ?? host.delivery },
        host,
        platform,
        tree,
        manifest,
        bytes,
        parsed,
        today,
      );
      errors.push(...one.errors);
      if (one.prepared) prepared.push(one.prepared);
    } catch (error) {
      errors.push(failureOf(error, module.id));
    }
  }
  return { prepared, errors };
}

/**
 * What `manifest_digest` covers: the bytes of module.yaml; for a module of a stack what its stack.yaml declares for it, so that a change for a neighbour is none
 * for this one.
 */
function manifestOf(
  module: ServiceModule,
  gathered: Gathered,
  bytes: ReadonlyMap<string, Uint8Array>,
): Uint8Array | undefined {
  const declared = gathered.wanted.declared(module);
  return declared ? new TextEncoder().encode(canonical(declared)) : bytes.get(module.manifestPath);
}

function prepareModule(
  module: ServiceModule,
  host: HostConfig,
  platform: Platform,
  tree: Tree,
  manifest: Uint8Array | undefined,
  bytes: ReadonlyMap<string, Uint8Array>,
  parsed: ReadonlyMap<string, ParsedCompose>,
  today: string,
): { prepared: Prepared | null; errors: Failure[] } {
  const composeBytes = bytes.get(module.composeFile);
  const parsedBefore = parsed.get(module.composeFile);
  const composeFile = onHost(host, module.composeFile);
  const fail = (
    code: string,
    message: string,
    hint: string,
    file = module.manifestPath,
  ): { prepared: null; errors: Failure[] } => ({
    prepared: null,
    errors: [problemFailure(module.id, { code, file, line: 1, column: 1, message, hint })],
  });
  const unreadable = ({ problems, exit }: ParsedCompose & { readonly ok: false }) => ({
    prepared: null,
    errors: problems.map((problem) => problemFailure(module.id, problem, exit ?? EXIT_INVALID)),
  });
  // Too large to be read.
  if (!composeBytes && parsedBefore?.ok === false) return unreadable(parsedBefore);
  if (!manifest || !composeBytes)
    return fail(
      'PCTL-COMPOSE-MISSING',
      `there is no ${module.composeFile}`,
      'commit the compose file, or mend compose_file',
    );
  const entry = tree.file(module.composeFile);
  if (entry?.mode === '120000')
    return fail('PCTL-FILE-SYMLINK', `${module.composeFile} is a symlink`, 'commit the file itself');
  if (composeFile === null) {
    return fail(
      'PCTL-COMPOSE-OUTSIDE',
      `${module.composeFile} is outside of ${module.host}'s repo_root ${host.repoRoot}`,
      'move it there, or name another repo_root',
    );
  }
  const result = parsedBefore ?? parseCompose(composeBytes, module.composeFile);
  if (!result.ok) return unreadable(result);
  const compose = result.file;
  if (!compose.services.has(module.service)) {
    const known = [...compose.services.keys()].slice(0, 20).join(', ');
    return fail(
      'PCTL-SERVICE-UNKNOWN',
      `${module.composeFile} has no service ${module.service}`,
      `its services: ${known}`,
    );
  }
  const refs = references(compose, module.service);
  const wanted = wantedFiles(module, host, refs, tree);
  const folder = folderOf(composeFile);
  const context: PolicyContext = {
    module: module.id,
    remoteRoot: host.remoteRoot,
    folder: folder === '' ? host.remoteRoot : `${host.remoteRoot}/${folder}`,
    sacredPaths: platform.policy.sacredPaths,
    bindRoots: platform.policy.bindRoots,
    allow: platform.policy.allow,
    deny: platform.policy.deny,
    today,
  };
  const verdict = judgeText(compose, module.service, context);
  const dotenv = wanted.dotenv === 'commit' ? new TextDecoder().decode(bytes.get(dotenvOf(module))) : '';
  const errors = [
    ...steeringProblems(dotenv, dotenvOf(module)).map((problem) => problemFailure(module.id, problem)),
    ...wanted.problems.map((problem) => problemFailure(module.id, problem)),
    ...denialFailures(module.id, verdict),
  ];
  if (errors.length > 0) return { prepared: null, errors };
  const project = projectName(module.project, compose.name, `${host.remoteRoot}/${composeFile}`);
  return {
    prepared: {
      module,
      host,
      compose,
      composeBytes,
      manifest,
      composeFile,
      references: refs,
      wanted,
      tree,
      project: { name: project.name, source: project.source },
      verdict,
      context,
    },
    errors,
  };
}
