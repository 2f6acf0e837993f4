/** `extends` within one file: which service extends which, and compose's merge of the two (P-7). */
import type { Json } from './model.js';
import { canonical, isList, isMap, type JsonMap, member, type Path, pairs, scalarText } from './values.js';
import { hasVariable } from './variables.js';

export type Report = (path: Path, code: string, message: string, hint?: string) => void;

/** Services that extend one another in a row. */
const MAX_CHAIN = 16;
/** Characters of what is merged for all services of a file together: a long base costs once for each that extends it. */
const MAX_MERGED = 2 * 1024 * 1024;

/** Replaced as a whole. */
const REPLACED = new Set(['command', 'entrypoint', 'healthcheck.test']);
/** Lists or maps of NAME=VALUE: joined by name. */
const PAIRS = new Set([
  'annotations',
  'environment',
  'labels',
  'sysctls',
  'deploy.labels',
  'build.args',
  'build.labels',
]);
/** Text or a list: both become a list, joined. */
const TEXT_OR_LIST = new Set(['dns', 'dns_opt', 'dns_search', 'env_file', 'tmpfs', 'extra_hosts']);
/** A list of names, or a map by name. */
const NAMED = new Set(['depends_on', 'networks']);

/** Service -> the service that it extends, as the text says. */
export type Bases = ReadonlyMap<string, string>;

/** Every service with what it extends merged in; what is wrong is reported. */
export function followExtends(
  services: ReadonlyMap<string, JsonMap>,
  report: Report,
): { services: ReadonlyMap<string, JsonMap>; bases: Bases } {
  const bases = new Map<string, string>();
  for (const [name, service] of services) {
    const base = readExtends(name, service, services, report);
    if (base !== null) bases.set(name, base);
  }
  for (const name of bases.keys()) {
    const length = chainLength(name, bases);
    if (length === Number.POSITIVE_INFINITY)
      report(['services', name, 'extends'], 'PCTL-COMPOSE-BASE', `the service ${name} extends itself`);
    else if (length > MAX_CHAIN)
      report(
        ['services', name, 'extends'],
        'PCTL-COMPOSE-BASE',
        `a chain of extends of more than ${MAX_CHAIN} services`,
      );
  }
  const done = new Map<string, JsonMap>();
  let spent = 0;
  const extended = (name: string, base: JsonMap, own: JsonMap): JsonMap => {
    if (spent > MAX_MERGED) return own;
    spent += JSON.stringify([base, own]).length;
    if (spent <= MAX_MERGED) return extendService(base, own);
    const what = `what services extend is more than ${MAX_MERGED} characters once it is merged`;
    report(['services', name, 'extends'], 'PCTL-COMPOSE-BASE', what, 'let fewer extend it, or make it shorter');
    return own;
  };
  const follow = (name: string, left: number): JsonMap => {
    const own = services.get(name) ?? {};
    const base = bases.get(name);
    const known = done.get(name);
    if (known) return known;
    const { extends: _, ...plain } = own;
    const merged = base === undefined || left === 0 ? plain : extended(name, follow(base, left - 1), own);
    done.set(name, merged);
    return merged;
  };
  for (const name of services.keys()) follow(name, MAX_CHAIN);
  return { services: new Map([...services.keys()].map((name) => [name, done.get(name) ?? {}])), bases };
}

function readExtends(
  name: string,
  service: JsonMap,
  services: ReadonlyMap<string, JsonMap>,
  report: Report,
): string | null {
  const value = member(service, 'extends');
  if (value === undefined || value === null) return null;
  const at = ['services', name, 'extends'];
  const base = isMap(value) ? member(value, 'service') : value;
  if (isMap(value) && (member(value, 'file') ?? null) !== null) {
    report(
      at,
      'PCTL-COMPOSE-EXTENDS',
      'extends of another file is not accepted: a compose file stands alone',
      'move the base into this file',
    );
    return null;
  }
  const unknown = isMap(value) ? Object.keys(value).find((key) => key !== 'service' && key !== 'file') : undefined;
  if (typeof base !== 'string' || unknown !== undefined) {
    report(at, 'PCTL-COMPOSE-BASE', 'extends names a service of this file');
  } else if (hasVariable(base)) {
    report(at, 'PCTL-COMPOSE-BASE', 'extends holds a variable', 'write the name of the service out');
  } else if (!services.has(base)) {
    report(at, 'PCTL-COMPOSE-BASE', `extends names ${shown(base)}, which is no service of this file`);
  } else return base;
  return null;
}

/** How many services a service extends, one after the other; Infinity where it comes back to itself. Counted up to one above MAX_CHAIN. */
function chainLength(start: string, bases: Bases): number {
  let length = 0;
  for (let name = bases.get(start); name !== undefined && length <= MAX_CHAIN; name = bases.get(name)) {
    if (name === start) return Number.POSITIVE_INFINITY;
    length++;
  }
  return length;
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 80));

/** The service that `base` and `own` make together. `own` wins; lists are joined, base first. */
function extendService(base: JsonMap, own: JsonMap): JsonMap {
  const { extends: _, ...rest } = mergeMaps(base, own, '');
  return rest;
}

function mergeMaps(base: JsonMap, own: JsonMap, path: string): JsonMap {
  const merged: { [key: string]: Json } = { ...base };
  for (const key of Object.keys(own)) {
    const below = path === '' ? key : `${path}.${key}`;
    const before = member(base, key);
    const after = member(own, key) ?? null;
    merged[key] = before === undefined || before === null ? after : merge(before, after, below);
  }
  return merged;
}

function merge(base: Json, own: Json, path: string): Json {
  if (own === null) return REPLACED.has(path) ? own : base;
  if (REPLACED.has(path)) return own;
  if (PAIRS.has(path)) return mergePairs(base, own);
  if (NAMED.has(path)) return mergeNamed(base, own, path);
  if (path === 'extra_hosts' && (isMap(base) || isMap(own))) return mergePairs(base, own);
  if (TEXT_OR_LIST.has(path)) return unique([...list(base), ...list(own)], path);
  if (path === 'logging') return mergeLogging(base, own);
  if (path === 'build') return mergeMaps(build(base), build(own), path);
  if (isMap(base) && isMap(own)) return mergeMaps(base, own, path);
  if (isList(base) && isList(own)) return unique([...base, ...own], path);
  return own;
}

function mergePairs(base: Json, own: Json): Json {
  const merged = new Map<string, string | null>();
  for (const [name, value] of [...(pairs(base) ?? []), ...(pairs(own) ?? [])]) merged.set(name, value);
  return [...merged].map(([name, value]) => (value === null ? name : `${name}=${value}`));
}

function mergeNamed(base: Json, own: Json, path: string): Json {
  const named = (value: Json): JsonMap => {
    if (!isList(value)) return isMap(value) ? value : {};
    const plain: Json = path === 'depends_on' ? { condition: 'service_started' } : null;
    return Object.fromEntries(value.map((name) => [scalarText(name) ?? '', plain]));
  };
  return mergeMaps(named(base), named(own), path);
}

/** Options of another driver mean nothing to the new one. */
function mergeLogging(base: Json, own: Json): Json {
  if (!isMap(base) || !isMap(own)) return own;
  const before = member(base, 'driver') ?? null;
  const after = member(own, 'driver') ?? null;
  return before === null || after === null || before === after ? mergeMaps(base, own, 'logging') : own;
}

const list = (value: Json): readonly Json[] => (isList(value) ? value : [value]);
const build = (value: Json): JsonMap => (isMap(value) ? value : { context: value });

/** Of a joined list the last of several elements for one place stays: for mounts the target, else the element itself. */
function unique(items: readonly Json[], path: string): Json {
  const byPlace = new Map<string, Json>();
  for (const item of items) byPlace.set(place(item, path), item);
  return [...byPlace.values()];
}

function place(item: Json, path: string): string {
  if (path !== 'volumes') return canonical(item);
  const target = isMap(item)
    ? scalarText(member(item, 'target'))
    : (scalarText(item)?.split(':')[1] ?? scalarText(item));
  // Text with a variable may have its target anywhere: it stands for itself.
  return target === null || scalarText(item)?.includes('$') ? canonical(item) : `target:${target}`;
}
