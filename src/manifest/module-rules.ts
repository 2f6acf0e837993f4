/** What the schema cannot say about one module.yaml (M-4, M-8, M-11): each rule looks at one thing and names its place. */
import type { Problem } from '../errors.js';
import { at, finding, listAt, type Manifest, type Path, shown, textAt, textsAt } from './findings.js';
import { nearest } from './nearest.js';
import { folderOf, isBeneath, joinRepoPath, normaliseRepoPath } from './paths.js';
import { namedPathFlaw, type RepoTree, shapeFlaw } from './repo-tree.js';
import { checkSmoke } from './smoke-rules.js';

export interface ModuleContext {
  /** What metadata.id has to be: the folder's name; a service of a stack has its own. */
  readonly id: string;
  /** Modules that this manifest declares: none of them can depend on what is declared here. */
  readonly self: ReadonlySet<string>;
  readonly tree: RepoTree;
  /** Names of hosts with their repo_root; null where config.yaml could not be read. */
  readonly hosts: ReadonlyMap<string, { readonly repoRoot: string }> | null;
  /** Modules that are declared somewhere, rightly or not. */
  readonly ids: ReadonlySet<string>;
  /** The one of them that may have been meant. */
  readonly suggest: (id: string) => string | null;
  readonly stacks: ReadonlyMap<string, readonly string[]>;
  /** Stacks that could not be read: which modules they have is not known. */
  readonly unreadStacks: ReadonlySet<string>;
}

type Rule = (module: Manifest, context: ModuleContext) => Problem[];

export function checkModule(module: Manifest, context: ModuleContext): Problem[] {
  return RULES.flatMap((rule) => rule(module, context));
}

/** The part of a stack.yaml that its services share. Its `smoke` counts only together with each service's own. */
export function checkStack(stack: Manifest, context: ModuleContext): Problem[] {
  return RULES.filter((rule) => rule !== checkSmoke).flatMap((rule) => rule(stack, context));
}

const HOST: Path = ['spec', 'host'];
const COMPOSE_FILE: Path = ['spec', 'runtime', 'compose_file'];

const folderName: Rule = (module, { id: folder }) => {
  const id = textAt(module, ['metadata', 'id']);
  return id === undefined || id === folder
    ? []
    : [
        finding(
          module,
          ['metadata', 'id'],
          'PCTL-MODULE-ID-FOLDER',
          `metadata.id ${shown(id)} is not the folder's name ${shown(folder)}`,
          `id: ${folder}, or rename the folder`,
        ),
      ];
};

const knownHost: Rule = (module, { hosts }) => {
  const host = textAt(module, HOST);
  if (host === undefined || hosts === null || hosts.has(host)) return [];
  const close = nearest(host, hosts.keys());
  return [
    finding(
      module,
      HOST,
      'PCTL-GATE-HOST',
      `host ${shown(host)} is not in .platform/config.yaml`,
      close ? `did you mean ${close}?` : `known: ${[...hosts.keys()].slice(0, 10).join(', ')}`,
    ),
  ];
};

/** compose_file and files: in the tree, not through links, beneath the host's repo_root. */
const repoPaths: Rule = (module, { tree, hosts }) => {
  const repoRoot = hosts?.get(textAt(module, HOST) ?? '')?.repoRoot ?? '';
  const composeFile = textAt(module, COMPOSE_FILE);
  const named = [
    ...(composeFile === undefined
      ? []
      : [{ text: composeFile, path: COMPOSE_FILE, what: 'compose_file', code: 'PCTL-COMPOSE-REPO-ROOT' }]),
    ...textsAt(module, ['spec', 'runtime', 'files']).map(({ text, path }) => ({
      text,
      path,
      what: 'file',
      code: 'PCTL-FILE-REPO-ROOT',
    })),
  ];
  return named.flatMap(({ text, path, what, code }) => {
    if (text === '') return [];
    const flaw = namedPathFlaw(tree, text, what, what === 'file');
    if (flaw) return [finding(module, path, flaw.code, flaw.message, flaw.hint)];
    if (isBeneath(normaliseRepoPath(text), repoRoot)) return [];
    return [
      finding(
        module,
        path,
        code,
        `${what} ${text} is outside of repo_root ${repoRoot} of host ${textAt(module, HOST)}`,
        `move it beneath ${repoRoot}/, or change the host's repo_root`,
      ),
    ];
  });
};

/** M-8: relative to the compose file's folder, within the host's repo_root, and not in the commit. */
const hostFiles: Rule = (module, { tree, hosts }) => {
  const composeFile = textAt(module, COMPOSE_FILE);
  const repoRoot = hosts?.get(textAt(module, HOST) ?? '')?.repoRoot ?? '';
  const seen = new Set<string>();
  return textsAt(module, ['spec', 'runtime', 'host_files']).flatMap(({ text, path }) => {
    const flaw = shapeFlaw(text.replace(/^(\.\.?\/)+/, ''), 'host file');
    if (flaw) return [finding(module, path, flaw.code, flaw.message, 'a path relative to the compose file: .env')];
    if (composeFile === undefined || shapeFlaw(composeFile, '')) return [];
    const joined = joinRepoPath(folderOf(normaliseRepoPath(composeFile)), text);
    if (joined === null || !isBeneath(joined, repoRoot)) {
      return [
        finding(
          module,
          path,
          'PCTL-PATH',
          `host file ${shown(text)} leads out of ${repoRoot ? `repo_root ${repoRoot}` : 'the repo'}`,
          'keep it beneath remote_root',
        ),
      ];
    }
    if (tree.modes.has(joined)) {
      return [
        finding(
          module,
          path,
          'PCTL-HOST-FILE-BOTH',
          `${joined} is in host_files and in the commit`,
          'remove it from one of the two: a secret belongs on the host only',
        ),
      ];
    }
    if (tree.folders.has(joined))
      return [
        finding(module, path, 'PCTL-PATH-FOLDER', `host file ${joined} is a folder of the repo`, 'name the file'),
      ];
    if (seen.has(joined))
      return [finding(module, path, 'PCTL-HOST-FILE-TWICE', `${joined} stands twice in host_files`, 'keep one')];
    seen.add(joined);
    return [];
  });
};

const dependencies: Rule = (module, { self, ids, suggest, stacks, unreadStacks }) =>
  textsAt(module, ['spec', 'depends_on']).flatMap(({ text, path }) => {
    if (self.has(text)) return [finding(module, path, 'PCTL-DEPENDS-CIRCLE', `${text} depends on itself`, 'remove it')];
    if (ids.has(text) || [...unreadStacks].some((stack) => text.startsWith(`${stack}-`))) return [];
    const members = stacks.get(text);
    const close = suggest(text);
    const hint = members
      ? `${text} is a stack: name its modules, such as ${members.slice(0, 3).join(', ')}`
      : close
        ? `did you mean ${close}?`
        : 'add modules/ID/module.yaml, or remove it';
    return [finding(module, path, 'PCTL-DEPENDS-UNKNOWN', `there is no module ${shown(text)}`, hint)];
  });

/** What can be declared and is not built yet is refused by name, never passed over. */
const notBuilt: Rule = (module) => {
  const problems: Problem[] = [];
  for (const [key, code] of [
    ['pre_apply', 'PCTL-NOT-BUILT-PRE-APPLY'],
    ['post_apply', 'PCTL-NOT-BUILT-POST-APPLY'],
  ] as const) {
    if (listAt(module, ['spec', key]).length > 0) {
      problems.push(
        finding(
          module,
          ['spec', key],
          code,
          `spec.${key}: actions are not built yet, so they would not run`,
          `remove ${key}; run them by hand until then`,
        ),
      );
    }
  }
  if (at(module, ['spec', 'secrets']) !== undefined) {
    problems.push(
      finding(
        module,
        ['spec', 'secrets'],
        'PCTL-NOT-BUILT-SECRETS',
        'spec.secrets is not built yet, so no file would be written',
        'put the file on the host and list it in runtime.host_files',
      ),
    );
  }
  return problems;
};

const RULES: readonly Rule[] = [folderName, knownHost, repoPaths, hostFiles, checkSmoke, dependencies, notBuilt];
