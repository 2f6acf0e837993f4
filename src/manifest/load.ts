/** From the names and bytes of a tree to what is wanted, and everything that is wrong with it, in one go (M-1, M-2, M-4, M-11). */
import type { Problem } from '../errors.js';
import { checkConfig } from './config-rules.js';
import { type Manifest, ordered, type Path } from './findings.js';
import type { Platform, ServiceModule, Wanted } from './model.js';
import { checkModule } from './module-rules.js';
import { CONFIG_PATH, NO_PLATFORM, platformOf } from './platform.js';
import { linkCode, type NamedEntry, type RepoTree, repoTree, SUBMODULE, SYMLINK } from './repo-tree.js';
import { checkSchema } from './schema-check.js';
import { serviceOf } from './service.js';
import { dependencyCircles, sameButForCase, treeProblems, whole } from './tree-problems.js';
import type { Module, PlatformConfig } from './types.js';
import { parseYaml } from './yaml.js';

export { projectName } from './project.js';

/** Bytes of one manifest. */
export const MANIFEST_MAX_BYTES = 1024 * 1024;
/** Problems that are kept of all files together (I-4). */
const MAX_PROBLEMS = 2_000;

const MODULE_FILE = /^modules\/([^/]+)\/module\.yaml$/;

export interface Source {
  /** Every file of the tree, with git's mode. */
  readonly entries: Iterable<NamedEntry>;
  /** The bytes of what `manifestPaths` named. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

export interface Loaded extends Wanted {
  /** config.yaml could be read and follows its schema. */
  readonly platformValid: boolean;
  /** Where a key of a module's manifest stands. */
  readonly place: (module: Pick<ServiceModule, 'manifestPath'>, path: Path) => { line: number; column: number };
}

/** The paths of a tree whose bytes `loadWanted` needs: config.yaml and every module.yaml that is a regular file. */
export function manifestPaths(entries: Iterable<NamedEntry>): string[] {
  const paths: string[] = [];
  for (const { path, mode } of entries) {
    if (mode !== SYMLINK && mode !== SUBMODULE && (path === CONFIG_PATH || MODULE_FILE.test(path))) paths.push(path);
  }
  return paths;
}

/** Reads everything. Modules that follow the schema are in the result even where something else is wrong with them: the problems decide what may go on. */
export function loadWanted(source: Source): Loaded {
  const entries = [...source.entries];
  const tree = repoTree(entries);
  const problems: Problem[] = [...treeProblems(entries, tree)];
  const { platform, hosts, valid } = configOf(source, tree, problems);

  const ids = new Set<string>();
  for (const { path } of entries) {
    const folder = MODULE_FILE.exec(path)?.[1];
    if (folder !== undefined) ids.add(folder);
  }
  const modules = new Map<string, ServiceModule>();
  const manifests = new Map<string, Manifest>();
  for (const folder of [...ids].sort()) {
    const path = `modules/${folder}/module.yaml`;
    const bytes = source.bytes.get(path);
    if (!bytes) {
      // Links were told of already; a regular file without bytes was too large to be read (M-3).
      const mode = tree.modes.get(path);
      if (mode !== SYMLINK && mode !== SUBMODULE) problems.push(tooLarge(path));
      continue;
    }
    const manifest = open(path, bytes, problems);
    if (!manifest) continue;
    manifests.set(path, manifest);
    const schemaProblems = checkSchema('module', manifest);
    problems.push(...schemaProblems, ...checkModule(manifest, { folder, tree, hosts, ids }));
    if (schemaProblems.length > 0) continue;
    const module = manifest.document.data as Module;
    modules.set(module.metadata.id, serviceOf(module, path, platform.hosts.get(module.spec.host)?.delivery ?? 'push'));
  }
  problems.push(...sameButForCase(ids, manifests), ...dependencyCircles(modules, manifests));
  return {
    platform,
    modules,
    stacks: new Map(),
    problems: ordered(problems, MAX_PROBLEMS),
    platformValid: valid,
    place: (module, path) => manifests.get(module.manifestPath)?.document.place(path) ?? { line: 1, column: 1 },
  };
}

/** config.yaml alone, for the policy ref (G-1). Where it cannot be read the problems say so and the platform has no hosts. */
export function loadPlatform(source: Source): { platform: Platform; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { platform } = configOf(source, repoTree(source.entries), problems);
  return { platform, problems: ordered(problems, MAX_PROBLEMS) };
}

interface Config {
  readonly platform: Platform;
  readonly hosts: ReadonlyMap<string, { readonly repoRoot: string }> | null;
  readonly valid: boolean;
}

/** config.yaml of a tree, where it is a regular file. */
function configOf(source: Source, tree: RepoTree, problems: Problem[]): Config {
  const bytes = source.bytes.get(CONFIG_PATH);
  const mode = tree.modes.get(CONFIG_PATH) ?? tree.modes.get('.platform');
  const link = mode === SYMLINK || mode === SUBMODULE;
  if (bytes && !link) return loadConfig(bytes, tree, problems);
  if (link)
    problems.push(
      whole(CONFIG_PATH, linkCode(mode), `${CONFIG_PATH} is not a regular file`, 'put the real file there'),
    );
  else if (mode !== undefined) problems.push(tooLarge(CONFIG_PATH));
  else
    problems.push(
      whole(CONFIG_PATH, 'PCTL-NO-CONFIG', `there is no ${CONFIG_PATH}`, 'platformctl init writes one; commit it'),
    );
  return UNREADABLE;
}

const UNREADABLE: Config = { platform: NO_PLATFORM, hosts: null, valid: false };

const tooLarge = (file: string): Problem =>
  whole(
    file,
    'PCTL-YAML-SIZE',
    `the file is larger than ${MANIFEST_MAX_BYTES} bytes`,
    'a manifest is a page of text; move data into files that it names',
  );

function loadConfig(bytes: Uint8Array, tree: RepoTree, problems: Problem[]): Config {
  const config = open(CONFIG_PATH, bytes, problems);
  if (!config) return UNREADABLE;
  const schemaProblems = checkSchema('platform', config);
  problems.push(...schemaProblems, ...checkConfig(config, tree));
  if (schemaProblems.length === 0) {
    const platform = platformOf(config.document.data as PlatformConfig);
    return { platform, hosts: platform.hosts, valid: true };
  }
  // Names of hosts are still good for telling whether a module's host exists.
  const named = (config.document.data as { hosts?: unknown } | null)?.hosts;
  const known = typeof named === 'object' && named !== null ? Object.entries(named) : null;
  const rootOf = (host: unknown): string => {
    const root = typeof host === 'object' && host !== null ? (host as { repo_root?: unknown }).repo_root : undefined;
    return typeof root === 'string' ? root.replace(/^(\.\/)+|\/$/g, '') : '';
  };
  return {
    ...UNREADABLE,
    hosts: known ? new Map(known.map(([name, host]) => [name, { repoRoot: rootOf(host) }])) : null,
  };
}

function open(file: string, bytes: Uint8Array, problems: Problem[]): Manifest | null {
  const parsed = parseYaml(bytes, file, { maxBytes: MANIFEST_MAX_BYTES });
  if (parsed.ok) return { file, document: parsed.document };
  problems.push(...parsed.problems);
  return null;
}
