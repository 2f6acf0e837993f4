/** config.yaml of a tree, and the opening of any manifest. */
import type { Problem } from '../errors.js';
import { checkConfig } from './config-rules.js';
import type { Manifest } from './findings.js';
import type { Platform } from './model.js';
import { CONFIG_PATH, NO_PLATFORM, platformOf } from './platform.js';
import { linkCode, type RepoTree, SUBMODULE, SYMLINK } from './repo-tree.js';
import { checkSchema } from './schema-check.js';
import { whole } from './tree-problems.js';
import type { PlatformConfig } from './types.js';
import { oversized, parseYaml } from './yaml.js';

/** Bytes of one manifest. */
export const MANIFEST_MAX_BYTES = 1024 * 1024;

export interface Config {
  readonly platform: Platform;
  readonly hosts: ReadonlyMap<string, { readonly repoRoot: string }> | null;
  readonly valid: boolean;
}

/** config.yaml of a tree, where it is a regular file. */
export function configOf(bytes: Uint8Array | undefined, tree: RepoTree, problems: Problem[]): Config {
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

export const tooLarge = (file: string): Problem => oversized(file, MANIFEST_MAX_BYTES);

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

export function open(file: string, bytes: Uint8Array, problems: Problem[]): Manifest | null {
  const parsed = parseYaml(bytes, file, { maxBytes: MANIFEST_MAX_BYTES });
  if (parsed.ok) return { file, document: parsed.document };
  problems.push(...parsed.problems);
  return null;
}
