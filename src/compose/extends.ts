/** `extends` within one file: compose's merge of a base and the service that extends it (P-7). */
import type { Json } from './model.js';
import { canonical, isList, isMap, type JsonMap, member, pairs, scalarText } from './values.js';

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

/** The service that `base` and `own` make together. `own` wins; lists are joined, base first. */
export function extendService(base: JsonMap, own: JsonMap): JsonMap {
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
