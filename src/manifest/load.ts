/** From the names and bytes of a tree to what is wanted, and everything that is wrong with it, in one go (M-1, M-2, M-4, M-9, M-11). */
import type { Problem } from '../errors.js';
import { type Manifest, ordered, type Path } from './findings.js';
import { configOf, MANIFEST_MAX_BYTES, open, tooLarge } from './load-config.js';
import type { Platform, ServiceModule, Wanted } from './model.js';
import { checkModule, checkStack } from './module-rules.js';
import { suggester } from './nearest.js';
import { CONFIG_PATH } from './platform.js';
import { type NamedEntry, type RepoTree, repoTree, SUBMODULE, SYMLINK } from './repo-tree.js';
import { checkSchema } from './schema-check.js';
import { serviceOf } from './service.js';
import { declaredModule, type StackModule, stackModules, unnamedModules } from './stack.js';
import { dependencyCircles, equalIds, type Named, treeProblems } from './tree-problems.js';
import type { Module } from './types.js';

export { projectName } from './project.js';
export { MANIFEST_MAX_BYTES };

/** Problems that are kept of all files together (I-4). */
const MAX_PROBLEMS = 2_000;

const MANIFEST_FILE = /^modules\/([^/]+)\/(module|stack)\.yaml$/;

export interface Source {
  /** Every file of the tree, with git's mode. */
  readonly entries: Iterable<NamedEntry>;
  /** The bytes of what `manifestPaths` named. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

/** By compose file: by service those that it needs, as that file says. */
export type ServiceNeeds = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

export interface Loaded extends Wanted {
  /** config.yaml could be read and follows its schema. */
  readonly platformValid: boolean;
  /** Where a key of a module's manifest stands. */
  readonly place: (module: Pick<ServiceModule, 'id'>, path: Path) => { line: number; column: number };
  /** What a stack.yaml declares for one of its modules; undefined for a module with a manifest of its own. */
  readonly declared: (module: Pick<ServiceModule, 'id'>) => object | undefined;
}

/** The paths of a tree whose bytes `loadWanted` needs: config.yaml and every manifest that is a regular file. */
export function manifestPaths(entries: Iterable<NamedEntry>): string[] {
  const paths: string[] = [];
  for (const { path, mode } of entries) {
    if (mode !== SYMLINK && mode !== SUBMODULE && (path === CONFIG_PATH || MANIFEST_FILE.test(path))) paths.push(path);
  }
  return paths;
}

/** Reads everything. Modules that follow the schema are in the result even where something else is wrong with them: the problems decide what may go on. */
export const loadWanted = (source: Source): Loaded => wantedOf(readManifests(source), new Map());

/** Manifests before it is known which services need each other. */
export interface ReadManifests {
  readonly platform: Platform;
  readonly platformValid: boolean;
  readonly modules: ReadonlyMap<string, ServiceModule>;
  readonly stacks: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly Problem[];
  /** By module. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly declared: ReadonlyMap<string, object>;
}

/** With `wantedOf` what `loadWanted` does in one: between the two, the compose files of stacks can be read. */
export function readManifests(source: Source): ReadManifests {
  const entries = [...source.entries];
  const tree = repoTree(entries);
  const problems: Problem[] = [...treeProblems(entries, tree)];
  const { platform, hosts, valid } = configOf(source.bytes.get(CONFIG_PATH), tree, problems);
  const files = openAll(source, entries, tree, problems);

  const ids = new Set<string>();
  const named: Named[] = [];
  const stacks = new Map<string, readonly StackModule[]>();
  const unreadStacks = new Set<string>();
  for (const { kind, folder, path, manifest } of files) {
    if (kind === 'module') ids.add(folder);
    else if (!manifest) unreadStacks.add(folder);
    if (!manifest) continue;
    named.push({ id: folder, manifest, what: kind === 'module' ? path : `the stack ${path}` });
    if (kind === 'module') continue;
    const members = stackModules(manifest, folder);
    stacks.set(folder, members);
    for (const { id, service, manifest } of members) {
      ids.add(id);
      named.push({ id, manifest, what: `service ${service} of ${path}` });
    }
  }

  const modules = new Map<string, ServiceModule>();
  const manifests = new Map<string, Manifest>();
  const declared = new Map<string, object>();
  const stackIds = new Map([...stacks].map(([name, members]) => [name, members.map(({ id }) => id)]));
  const context = { tree, hosts, ids, suggest: suggester(ids), stacks: stackIds, unreadStacks };
  const take = (data: object, path: string, manifest: Manifest, stack: string | null): void => {
    const module = data as Module;
    const { id } = module.metadata;
    modules.set(id, serviceOf(module, path, platform.hosts.get(module.spec.host)?.delivery ?? 'push', stack));
    manifests.set(id, manifest);
    if (stack !== null) declared.set(id, data);
  };
  for (const { kind, folder, path, manifest } of files) {
    if (!manifest) continue;
    const schemaProblems = checkSchema(kind, manifest);
    problems.push(...schemaProblems);
    if (kind === 'module') {
      problems.push(...checkModule(manifest, { ...context, id: folder, self: new Set([folder]) }));
      if (schemaProblems.length === 0) take(manifest.document.data as object, path, manifest, null);
      continue;
    }
    const members = stacks.get(folder) ?? [];
    problems.push(
      ...distinct([
        ...unnamedModules(manifest, folder),
        ...checkStack(manifest, { ...context, id: folder, self: new Set(stackIds.get(folder)) }),
        ...members.flatMap(({ id, manifest: one }) => checkModule(one, { ...context, id, self: new Set([id]) })),
      ]),
    );
    if (schemaProblems.length > 0) continue;
    for (const member of members) take(declaredModule(manifest, member), path, member.manifest, folder);
  }
  problems.push(...equalIds(named));
  return { platform, platformValid: valid, modules, stacks: stackIds, problems, manifests, declared };
}

/** @param needs what modules of a stack take over into their `depends_on`; files that are not there take over nothing */
export function wantedOf(read: ReadManifests, needs: ServiceNeeds): Loaded {
  const { manifests, declared } = read;
  const modules = new Map([...read.modules].map(([id, module]) => [id, withNeeds(module, read, needs)]));
  return {
    platform: read.platform,
    modules,
    stacks: read.stacks,
    problems: ordered([...read.problems, ...dependencyCircles(modules, manifests)], MAX_PROBLEMS),
    platformValid: read.platformValid,
    place: ({ id }, path) => manifests.get(id)?.document.place(path) ?? { line: 1, column: 1 },
    declared: ({ id }) => declared.get(id),
  };
}

/** M-9: what the compose file says of services of the same stack is true of their modules. */
function withNeeds(module: ServiceModule, { modules, stacks }: ReadManifests, needs: ServiceNeeds): ServiceModule {
  const needed = needs.get(module.composeFile)?.get(module.service) ?? [];
  if (module.stack === null || needed.length === 0) return module;
  const taken = (stacks.get(module.stack) ?? []).filter((id) => {
    const service = id === module.id ? undefined : modules.get(id)?.service;
    return service !== undefined && needed.includes(service);
  });
  return { ...module, dependsOn: [...new Set([...module.dependsOn, ...taken])] };
}

const isStack = (path: string): boolean => path.endsWith('/stack.yaml');

interface ManifestFile {
  readonly kind: 'module' | 'stack';
  readonly folder: string;
  readonly path: string;
  /** null: it cannot be read; the problems say why. */
  readonly manifest: Manifest | null;
}

function openAll(
  source: Source,
  entries: readonly NamedEntry[],
  tree: RepoTree,
  problems: Problem[],
): readonly ManifestFile[] {
  const paths = entries.map(({ path }) => path).filter((path) => MANIFEST_FILE.test(path));
  // Modules with a manifest of their own first: where an id is taken twice, the stack is told of it.
  const sorted = paths.sort((a, b) => Number(isStack(a)) - Number(isStack(b)) || (a < b ? -1 : 1));
  return sorted.map((path) => {
    const [, folder = '', kind] = MANIFEST_FILE.exec(path) ?? [];
    const bytes = source.bytes.get(path);
    // Links were told of already; a regular file without bytes was too large to be read (M-3).
    const mode = tree.modes.get(path);
    if (!bytes && mode !== SYMLINK && mode !== SUBMODULE) problems.push(tooLarge(path));
    const manifest = bytes ? open(path, bytes, problems) : null;
    return { kind: kind as ManifestFile['kind'], folder, path, manifest };
  });
}

/** What services of one stack have in common is found for each of them. */
function distinct(problems: readonly Problem[]): Problem[] {
  const key = ({ line, column, code, message }: Problem): string => `${line}:${column} ${code} ${message}`;
  return [...new Map(problems.map((problem) => [key(problem), problem])).values()];
}

/** config.yaml alone, for the policy ref (G-1). Where it cannot be read the problems say so and the platform has no hosts. */
export function loadPlatform(source: Source): { platform: Platform; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { platform } = configOf(source.bytes.get(CONFIG_PATH), repoTree(source.entries), problems);
  return { platform, problems: ordered(problems, MAX_PROBLEMS) };
}
