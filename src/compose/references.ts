/** What a service names outside of its own text: files, variables, top-level entries, other services (P-12, P-15). */
import type { Where } from '../errors.js';
import type { ComposeFile, Json, References } from './model.js';
import { readMount } from './mounts.js';
import { takenNames } from './rules-files.js';
import { joinedNetworks } from './rules-networks.js';
import { mountedVolumes } from './rules-volumes.js';
import { serviceOf } from './subject.js';
import { isList, isMap, type JsonMap, mapStrings, member, type Path, pairs, scalarText, strings } from './values.js';
import { isOpen, isVariableName, mask, variablesIn } from './variables.js';

/** compose's default for `stop_grace_period`. */
const DEFAULT_GRACE_SECONDS = 10;

/** The top-level entries that a service reaches; all of a kind where a name is decided on the host. */
export interface Reach {
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly configs: readonly string[];
  readonly secrets: readonly string[];
}

export function reach(file: ComposeFile, service: string): Reach {
  const masked = mapStrings(serviceOf(file, service), mask);
  const definition: JsonMap = isMap(masked) ? masked : {};
  const known = (names: readonly (string | null)[] | null, entries: JsonMap): readonly string[] => {
    if (names?.some((name) => name !== null && isOpen(name))) return Object.keys(entries).sort();
    return [...new Set(names)].filter((name): name is string => name !== null && Object.hasOwn(entries, name)).sort();
  };
  return {
    volumes: mountedVolumes(definition, file.volumes),
    networks: known(joinedNetworks(definition), file.networks),
    configs: known(takenNames(definition, 'configs'), file.configs),
    secrets: known(takenNames(definition, 'secrets'), file.secrets),
  };
}

/** @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3) */
export function references(file: ComposeFile, service: string): References {
  const definition = serviceOf(file, service);
  const reached = reach(file, service);
  return {
    envFiles: envFiles(file, service, definition),
    files: [
      ...definedFiles(file, reached),
      ...seccompFiles(file, service, definition),
      ...mounts(file, service, definition),
    ],
    variables: variables(file, service, definition, reached),
    ...reached,
    dependsOn: dependsOn(definition),
    namespacesOf: namespacesOf(definition),
    hasHealthcheck: hasHealthcheck(member(definition, 'healthcheck')),
    restart: scalarText(member(definition, 'restart')),
    stopGraceSeconds: seconds(member(definition, 'stop_grace_period')) ?? DEFAULT_GRACE_SECONDS,
  };
}

/** Entries of `env_file` in order, all three notations. */
export function envFileEntries(
  value: Json | undefined,
): readonly { path: string; required: boolean; index: number | null }[] {
  const items = isList(value) ? value : value === undefined || value === null ? [] : [value];
  return items.flatMap((item, index) => {
    const path = isMap(item) ? scalarText(member(item, 'path')) : scalarText(item);
    const required = !isMap(item) || scalarText(member(item, 'required'))?.toLowerCase() !== 'false';
    return path === null ? [] : [{ path, required, index: isList(value) ? index : null }];
  });
}

function envFiles(file: ComposeFile, service: string, definition: JsonMap): References['envFiles'] {
  return envFileEntries(member(definition, 'env_file')).map(({ path, required, index }) => ({
    path,
    required,
    where: file.place(['services', service, 'env_file', ...(index === null ? [] : [index])]),
  }));
}

/** An absolute path is the host's, judged by the policy; it is no file of the repo. */
export const isRepoPath = (path: string): boolean => path !== '' && !path.startsWith('/') && !path.startsWith('~');

function definedFiles(file: ComposeFile, reached: Reach): References['files'] {
  const kinds = [
    ['configs', 'config'],
    ['secrets', 'secret'],
  ] as const;
  return kinds.flatMap(([top, kind]) =>
    reached[top].flatMap((name) => {
      const entry = member(file[top], name);
      const path = isMap(entry) ? scalarText(member(entry, 'file')) : null;
      return path !== null && isRepoPath(path) ? [{ path, kind, where: file.place([top, name, 'file']) }] : [];
    }),
  );
}

/** The file of a `security_opt` element, or null. */
export function seccompFile(option: string): string | null {
  const path = /^seccomp[=:](.+)$/s.exec(option)?.[1];
  return path === undefined || path === 'unconfined' || path === 'builtin' ? null : path;
}

function seccompFiles(file: ComposeFile, service: string, definition: JsonMap): References['files'] {
  const options = member(definition, 'security_opt');
  return (isList(options) ? options : []).flatMap((option, index) => {
    const path = seccompFile(scalarText(option) ?? '');
    return path !== null && isRepoPath(path)
      ? [{ path, kind: 'seccomp' as const, where: file.place(['services', service, 'security_opt', index]) }]
      : [];
  });
}

function mounts(file: ComposeFile, service: string, definition: JsonMap): References['files'] {
  const value = member(definition, 'volumes');
  return (isList(value) ? value : []).flatMap((item, index) => {
    const mount = readMount(mapStrings(item, mask));
    if (!('type' in mount) || mount.type !== 'bind' || mount.source === null) return [];
    if (mount.source.startsWith('\0') || !isRepoPath(mount.source)) return [];
    const written = isMap(item) ? scalarText(member(item, 'source')) : writtenSource(scalarText(item) ?? '');
    return written === null
      ? []
      : [{ path: written, kind: 'mount' as const, where: file.place(['services', service, 'volumes', index]) }];
  });
}

/** The text before the first colon that stands outside of `${...}`. */
function writtenSource(text: string): string {
  let level = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('${', at)) level++;
    else if (text[at] === '}' && level > 0) level--;
    else if (text[at] === ':' && level === 0) return text.slice(0, at);
  }
  return text;
}

function variables(file: ComposeFile, service: string, definition: JsonMap, reached: Reach): References['variables'] {
  const found = new Map<string, { name: string; required: boolean; where: Where }>();
  const add = (name: string, required: boolean, path: Path): void => {
    const before = found.get(name);
    if (!before || (required && !before.required)) found.set(name, { name, required, where: file.place(path) });
  };
  const walk = (value: Json | undefined, path: Path): void => {
    for (const { text, path: place } of strings(value, path)) {
      for (const use of variablesIn(text)) add(use.name, use.required, place);
    }
  };
  for (const key of Object.keys(definition)) {
    if (!key.startsWith('x-')) walk(member(definition, key), ['services', service, key]);
  }
  // A name without a value takes it from `.env`, and is left out where there is none.
  for (const [name, value] of pairs(member(definition, 'environment')) ?? []) {
    if (value === null && isVariableName(name)) add(name, false, ['services', service, 'environment', name]);
  }
  for (const top of ['volumes', 'networks', 'configs', 'secrets'] as const) {
    for (const name of reached[top]) {
      const entry = member(file[top], name);
      walk(entry, [top, name]);
      const from = isMap(entry) && (top === 'configs' || top === 'secrets') ? member(entry, 'environment') : undefined;
      if (typeof from === 'string') add(from, true, [top, name, 'environment']);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function dependsOn(definition: JsonMap): References['dependsOn'] {
  const value = member(definition, 'depends_on');
  if (isList(value)) return value.map((name) => ({ service: scalarText(name) ?? '', condition: 'service_started' }));
  if (!isMap(value)) return [];
  return Object.keys(value).map((service) => {
    const entry = member(value, service);
    const condition = isMap(entry) ? scalarText(member(entry, 'condition')) : null;
    return { service, condition: condition ?? 'service_started' };
  });
}

/** Services named by `network_mode`, `pid`, `ipc: service:X`. */
export function namespacesOf(definition: JsonMap): readonly string[] {
  const names = ['network_mode', 'pid', 'ipc'].flatMap((key) => {
    const name = /service:([a-zA-Z0-9._-]+)/.exec(scalarText(member(definition, key)) ?? '')?.[1];
    return name === undefined ? [] : [name];
  });
  return [...new Set(names)].sort();
}

function hasHealthcheck(value: Json | undefined): boolean {
  if (!isMap(value)) return false;
  if (scalarText(member(value, 'disable'))?.toLowerCase() === 'true') return false;
  const test = member(value, 'test') ?? null;
  const first = isList(test) ? scalarText(test[0]) : scalarText(test);
  return first !== 'NONE' && !(isList(test) && test.length === 0) && first !== '';
}

/** A duration as compose writes it (`1m30s`, `500ms`) in whole seconds, rounded up; null where it is none. */
function seconds(value: Json | undefined): number | null {
  const text = scalarText(value);
  if (text === null || !/^([0-9]+(\.[0-9]+)?(h|m|s|ms|us))+$/.test(text)) return null;
  const unit: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000001 };
  let total = 0;
  for (const [, count, name] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|us|h|m|s)/g))
    total += Number(count) * (unit[name ?? 's'] ?? 1);
  return Math.min(Math.ceil(total), 86_400);
}
