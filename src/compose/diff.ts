/** Which keys of a service changed between two compose files: names only, never values (P-4, P-6). */
import { shownOption } from './driver-options.js';
import type { ComposeFile, Json, Resolved } from './model.js';
import { readMount } from './mounts.js';
import { reach } from './references.js';
import { canonical, compareText, isList, isMap, mapMember, member, pairs, scalarText, strings } from './values.js';
import { hasVariable } from './variables.js';

/** Told by the name of their member: a list and a map of the same members are equal. */
const BY_MEMBER = new Set(['environment', 'labels', 'annotations', 'sysctls', 'extra_hosts']);
const KINDS = ['volumes', 'networks', 'configs', 'secrets'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Sorted: `environment.LOG_LEVEL`, `image`, `ports`, and top-level entries that it reaches as `volumes.data`. Two notations of the same are no change.
 * A service that is in one file only has changed in all its keys.
 */
export function changedKeys(before: ComposeFile, after: ComposeFile, service: string): string[] {
  const old = before.services.get(service) ?? {};
  const now = after.services.get(service) ?? {};
  const changed = new Set<string>();
  for (const key of [...Object.keys(old), ...Object.keys(now)]) {
    if (key.startsWith('x-')) continue;
    if (BY_MEMBER.has(key))
      for (const name of changedMembers(member(old, key), member(now, key))) changed.add(`${key}.${name}`);
    else if (canonical(settled(key, member(old, key))) !== canonical(settled(key, member(now, key)))) changed.add(key);
  }
  for (const kind of KINDS) {
    for (const name of reachedInEither(before, after, service, kind)) {
      if (definitionOf(before, kind, name) !== definitionOf(after, kind, name)) changed.add(`${kind}.${name}`);
    }
  }
  return [...changed].sort(compareText);
}

/**
 * `volumes.data`, `networks.lan`: top-level entries that the service reaches now, that the file had before, and that are defined otherwise now
 * (`volume_changed`, G-8). A network `default` exists without being written down.
 */
export function volumesOrNetworksChanged(before: ComposeFile, after: ComposeFile, service: string): string[] {
  if (!after.services.has(service)) return [];
  const reached = reach(after, service);
  const changed: string[] = [];
  for (const kind of ['volumes', 'networks'] as const) {
    const names = new Set([
      ...reached[kind],
      ...(kind === 'networks' && joinsDefault(before, after, service) ? ['default'] : []),
    ]);
    for (const name of names) {
      const existed = Object.hasOwn(before[kind], name) || name === 'default';
      if (existed && definitionOf(before, kind, name) !== definitionOf(after, kind, name))
        changed.push(`${kind}.${name}`);
    }
  }
  return changed.sort(compareText);
}

/** The same of what the host's compose resolved: a variable can give them another definition while the file stays as it is. */
export function resolvedEntriesChanged(before: Resolved, after: Resolved): string[] {
  return (['volumes', 'networks'] as const)
    .flatMap((kind) => {
      const [old, now] = [mapMember(before, kind), mapMember(after, kind)];
      return Object.keys(now)
        .filter((name) => Object.hasOwn(old, name) && shownEntry(member(old, name)) !== shownEntry(member(now, name)))
        .map((name) => `${kind}.${name}`);
    })
    .sort(compareText);
}

/** As a plan of today would show it: an older one may have kept an option that is shown as *** by now. */
function shownEntry(entry: Json | undefined): string {
  if (!isMap(entry)) return canonical(entry);
  const options = (pairs(member(entry, 'driver_opts')) ?? []).map(([key, text]) => [key, shownOption(key, text ?? '')]);
  return canonical({ ...entry, driver_opts: Object.fromEntries(options) });
}

/** Does a top-level entry of these kinds that the service reaches hold what a variable gives? Such entries are in no hash: compose keeps the container. */
export function entriesFromVariables(file: ComposeFile, service: string, kinds: readonly Kind[] = KINDS): boolean {
  if (!file.services.has(service)) return false;
  const reached = reach(file, service);
  return kinds.some((kind) =>
    reached[kind].some((name) => {
      const definition = member(file[kind], name);
      const named = isMap(definition) && member(definition, 'environment') !== undefined;
      return named || [...strings(definition)].some(({ text }) => hasVariable(text));
    }),
  );
}

/** `default` is reached without an entry in the file that defines it. */
function joinsDefault(before: ComposeFile, after: ComposeFile, service: string): boolean {
  return [before, after].every((file) => {
    const definition = file.services.get(service);
    const networks = definition ? (member(definition, 'networks') ?? null) : null;
    const named = isList(networks)
      ? networks.includes('default')
      : isMap(networks) && Object.hasOwn(networks, 'default');
    return (
      definition !== undefined &&
      (named ||
        ((networks === null || canonical(networks).length === 2) &&
          (member(definition, 'network_mode') ?? null) === null))
    );
  });
}

function reachedInEither(before: ComposeFile, after: ComposeFile, service: string, kind: Kind): ReadonlySet<string> {
  const names = [before, after].flatMap((file) => (file.services.has(service) ? reach(file, service)[kind] : []));
  return new Set(names);
}

function definitionOf(file: ComposeFile, kind: Kind, name: string): string {
  const definition = member(file[kind], name) ?? null;
  if (!isMap(definition)) return '{}';
  const settled: { [key: string]: Json } = {};
  for (const key of Object.keys(definition)) {
    const value = member(definition, key) ?? null;
    const empty =
      value === null || (isMap(value) && Object.keys(value).length === 0) || (isList(value) && value.length === 0);
    if (key.startsWith('x-') || empty) continue;
    if (key === 'file' && typeof value === 'string') settled[key] = value.replace(/^(\.\/+)+/, '');
    else settled[key] = key === 'labels' || key === 'driver_opts' ? byName(value) : value;
  }
  return canonical(settled);
}

function byName(value: Json): Json {
  const entries = pairs(value);
  return entries === null ? value : Object.fromEntries(entries);
}

function changedMembers(before: Json | undefined, after: Json | undefined): readonly string[] {
  const old = membersOf(before);
  const now = membersOf(after);
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (name) => !old.has(name) || !now.has(name) || old.get(name) !== now.get(name),
  );
}

/** `extra_hosts` has `name:address` too, and several addresses of one name, which in a map are a list. */
function membersOf(value: Json | undefined): ReadonlyMap<string, string | null> {
  const members = new Map<string, (string | null)[]>();
  for (const [name, text] of pairs(value) ?? []) {
    const colon = name.indexOf(':');
    const short = text === null && colon > 0;
    const [key, one] = short ? [name.slice(0, colon), name.slice(colon + 1)] : [name, text];
    const before = members.get(key);
    if (before) before.push(one);
    else members.set(key, [one]);
  }
  return new Map([...members].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? null) : canonical(all)]));
}

/** One form for notations that mean the same. */
function settled(key: string, value: Json | undefined): Json {
  if (value === undefined) return null;
  if (key === 'volumes' && isList(value))
    return value.map(settledMount).sort((a, b) => compareText(canonical(a), canonical(b)));
  if (key === 'env_file') return (isList(value) ? value : [value]).map(settledEnvFile);
  if (key === 'networks' && isList(value))
    return Object.fromEntries(value.map((name) => [scalarText(name) ?? '', null]));
  if (key === 'depends_on') return settledDependencies(value);
  if ((key === 'configs' || key === 'secrets') && isList(value)) {
    return value.map((item) =>
      isMap(item) && Object.keys(item).length === 1 ? (member(item, 'source') ?? item) : item,
    );
  }
  if (key === 'ports' && isList(value)) return value.map((port) => (typeof port === 'number' ? String(port) : port));
  return value;
}

function settledMount(item: Json): Json {
  if (typeof item !== 'string' || item.includes('$')) return withoutDefaults(item);
  const mount = readMount(item);
  if (!('type' in mount) || !['', 'ro', 'rw'].includes(item.split(':')[2] ?? '')) return item;
  const { type, source, target } = mount;
  return withoutDefaults({ type, ...(source === null ? {} : { source }), target, read_only: mount.readOnly === true });
}

function withoutDefaults(item: Json): Json {
  if (!isMap(item)) return item;
  return Object.fromEntries(Object.entries(item).filter(([key, value]) => !(key === 'read_only' && value === false)));
}

function settledEnvFile(item: Json): Json {
  if (!isMap(item)) return item;
  const onlyPath =
    (member(item, 'required') ?? true) === true &&
    Object.keys(item).every((key) => key === 'path' || key === 'required');
  return onlyPath ? (member(item, 'path') ?? item) : item;
}

function settledDependencies(value: Json): Json {
  const plain = (entry: Json | undefined): Json => (isMap(entry) ? entry : { condition: 'service_started' });
  if (isList(value)) return Object.fromEntries(value.map((name) => [scalarText(name) ?? '', plain(undefined)]));
  return isMap(value)
    ? Object.fromEntries(Object.keys(value).map((name) => [name, plain(member(value, name))]))
    : value;
}
