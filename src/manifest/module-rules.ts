/** What the schema cannot say about one module.yaml (M-4, M-8, M-11, V-1, V-2): each rule looks at one thing and names its place. */
import type { Problem } from '../errors.js';
import { at, finding, listAt, type Manifest, numberAt, type Path, shown, textAt, textsAt } from './findings.js';
import { nearest } from './nearest.js';
import { folderOf, isBeneath, joinRepoPath, normaliseRepoPath } from './paths.js';
import { namedPathFlaw, type RepoTree, shapeFlaw } from './repo-tree.js';

export interface ModuleContext {
  /** The name of the module's folder. */
  readonly folder: string;
  readonly tree: RepoTree;
  /** Names of hosts with their repo_root; null where config.yaml could not be read. */
  readonly hosts: ReadonlyMap<string, { readonly repoRoot: string }> | null;
  /** Folders beneath modules/ that hold a module.yaml, whether it is right or not. */
  readonly ids: ReadonlySet<string>;
}

type Rule = (module: Manifest, context: ModuleContext) => Problem[];

export function checkModule(module: Manifest, context: ModuleContext): Problem[] {
  return RULES.flatMap((rule) => rule(module, context));
}

const HOST: Path = ['spec', 'host'];
const COMPOSE_FILE: Path = ['spec', 'runtime', 'compose_file'];

const folderName: Rule = (module, { folder }) => {
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

const smoke: Rule = (module) => {
  const problems: Problem[] = [];
  const path: Path = ['spec', 'smoke'];
  const timeout = numberAt(module, [...path, 'timeout_seconds']);
  const stable = numberAt(module, [...path, 'stable_seconds']);
  const job = at(module, [...path, 'exits']) !== undefined;
  // Without stable_seconds it is 30, or 10 with a healthcheck: crossCheck knows which.
  const floor = stable ?? (job ? 0 : 10);
  if ((timeout ?? 120) <= floor) {
    problems.push(
      finding(
        module,
        [...path, timeout === undefined ? 'stable_seconds' : 'timeout_seconds'],
        'PCTL-SMOKE-TIMEOUT',
        `smoke.timeout_seconds (${timeout ?? '120, the default'}) must be above stable_seconds (${floor})`,
        'it has to start, and then stay up for stable_seconds, within timeout_seconds',
      ),
    );
  }
  if (job && at(module, [...path, 'http']) !== undefined) {
    problems.push(
      finding(
        module,
        [...path, 'http'],
        'PCTL-SMOKE-JOB',
        'a job that ends (exits) cannot answer HTTP',
        'remove one of the two',
      ),
    );
  }
  const url = textAt(module, [...path, 'http', 'url']);
  const flaw = url === undefined ? null : urlFlaw(url);
  if (flaw) problems.push(finding(module, [...path, 'http', 'url'], flaw.code, flaw.message, flaw.hint));
  return problems;
};

/** V-2: link-local addresses (cloud metadata lives there) in every way of writing them; credentials do not belong into a manifest. */
function urlFlaw(text: string): { code: string; message: string; hint?: string } | null {
  // A text that is no URL at all fails the schema's pattern first.
  if (!URL.canParse(text))
    return /^https?:\/\//.test(text) ? { code: 'PCTL-SMOKE-URL', message: 'smoke.http.url is not a URL' } : null;
  const url = new URL(text);
  if (url.username || url.password)
    return {
      code: 'PCTL-SMOKE-URL',
      message: 'smoke.http.url has a user or password in it',
      hint: 'use a path that needs none',
    };
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const mapped = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(host)?.[1];
  const linkLocal =
    /^169\.254\./.test(host) ||
    /^fe[89ab][0-9a-f]:/.test(host) ||
    (mapped !== undefined && Number.parseInt(mapped, 16) === 0xa9fe);
  return linkLocal
    ? {
        code: 'PCTL-SMOKE-LINK-LOCAL',
        message: `smoke.http.url goes to the link-local address ${host}`,
        hint: 'http://127.0.0.1:PORT/',
      }
    : null;
}

const dependencies: Rule = (module, { folder, ids }) =>
  textsAt(module, ['spec', 'depends_on']).flatMap(({ text, path }) => {
    if (text === folder)
      return [finding(module, path, 'PCTL-DEPENDS-CIRCLE', `${folder} depends on itself`, 'remove it')];
    if (ids.has(text)) return [];
    const close = nearest(text, ids);
    return [
      finding(
        module,
        path,
        'PCTL-DEPENDS-UNKNOWN',
        `there is no module ${shown(text)}`,
        close ? `did you mean ${close}?` : 'add modules/ID/module.yaml, or remove it',
      ),
    ];
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

const RULES: readonly Rule[] = [folderName, knownHost, repoPaths, hostFiles, smoke, dependencies, notBuilt];
