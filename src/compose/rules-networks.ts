/** G-7's rules for networks: `networks`, `network_mode`, and the top-level networks that a service joins. */
import { shownOption } from './driver-options.js';
import type { Json } from './model.js';
import { NESTED_KEYS } from './policy-table.js';
import { leaveOpen } from './rules-volumes.js';
import { at, type Bench, checkKeys, deny, denyShape, isLeftOpen } from './subject.js';
import { canonical, isList, isMap, type JsonMap, member, type Path, pairs, scalarText } from './values.js';

/** Names of the networks that a service joins, masked; `default` where it says nothing. null: neither list nor map. */
export function joinedNetworks(definition: JsonMap): readonly string[] | null {
  const value = member(definition, 'networks') ?? null;
  const names = isList(value)
    ? value.map((name) => scalarText(name) ?? '')
    : isMap(value)
      ? Object.keys(value)
      : value === null
        ? []
        : null;
  if (names === null || names.length > 0) return names;
  const mode = scalarText(member(definition, 'network_mode')) ?? '';
  return mode === '' || mode.includes('\0') ? ['default'] : [];
}

/** Judged also where the service has no `networks`: then it joins `default`, which the file can define. */
export function judgeNetworks(bench: Bench): void {
  const value = member(bench.subject.definition, 'networks') ?? null;
  const names = joinedNetworks(bench.subject.definition);
  if (names === null) {
    denyShape(bench, 'networks', at(bench, 'networks'), 'it is neither list nor mapping');
    return;
  }
  if (isMap(value)) for (const name of names) judgeJoin(bench, name, member(value, name) ?? null);
  for (const [index, name] of names.entries()) {
    if (!isLeftOpen(bench, name, at(bench, 'networks', index))) judgeNetwork(bench, name);
  }
}

function judgeJoin(bench: Bench, name: string, join: Json): void {
  const path = at(bench, 'networks', name);
  if (join === null) return;
  if (!isMap(join)) {
    denyShape(bench, 'networks', path, 'it is no mapping');
    return;
  }
  checkKeys(bench, Object.keys(join), NESTED_KEYS.networks, path);
  judgeOptions(bench, name, join, path);
}

function judgeOptions(bench: Bench, name: string, map: JsonMap, path: Path): void {
  const options = pairs(member(map, 'driver_opts'));
  if (options === null) denyShape(bench, 'networks', [...path, 'driver_opts'], 'it is no mapping');
  for (const [key, text] of options ?? []) {
    const option = [...path, 'driver_opts', key];
    if (isLeftOpen(bench, text ?? '', option)) continue;
    deny(
      bench,
      'networks',
      `${name}:driver_opts.${key}=${shownOption(key, text ?? '')}`,
      option,
      "driver options change the host's network",
    );
  }
}

function judgeNetwork(bench: Bench, name: string): void {
  const path: Path = ['networks', name];
  const definition = member(bench.subject.networks, name);
  if (definition === undefined) {
    if (name === 'default') return;
    deny(bench, 'networks', name, at(bench, 'networks'), `the network ${name} is not declared at the top level`, false);
    return;
  }
  if (!isMap(definition)) return;
  checkKeys(bench, Object.keys(definition), NESTED_KEYS['top.networks'], path);
  leaveOpen(bench, definition, path);
  const driver = scalarText(member(definition, 'driver')) ?? '';
  if (driver === 'host' || realNames(name, definition).includes('host')) {
    deny(bench, 'networks', 'host', path, "the host's own network is never joined so", false);
  } else if (!isLeftOpen(bench, driver, [...path, 'driver']) && driver !== '' && driver !== 'bridge') {
    deny(bench, 'networks', `${name}:driver=${driver}`, [...path, 'driver'], 'a network driver other than bridge');
  }
  judgeOptions(bench, name, definition, path);
  const ipam = member(definition, 'ipam');
  const pool = isMap(ipam) ? (member(ipam, 'driver') ?? null) : null;
  if (pool !== null && pool !== 'default') {
    deny(
      bench,
      'networks',
      `${name}:ipam.driver=${canonical(pool).replaceAll('"', '')}`,
      [...path, 'ipam'],
      'an address driver other than the default',
    );
  }
}

/** What the network may be called on the host; of an external one without a name it is the key. */
function realNames(name: string, definition: JsonMap): readonly string[] {
  const external = member(definition, 'external');
  const legacy = isMap(external) ? scalarText(member(external, 'name')) : null;
  const given = scalarText(member(definition, 'name'));
  return [given ?? legacy ?? name, legacy ?? ''];
}

export function judgeNetworkMode(bench: Bench, value: Json): void {
  const path = at(bench, 'network_mode');
  const mode = scalarText(value);
  if (mode === null) {
    if (value !== null) denyShape(bench, 'network_mode', path, 'it is no text');
    return;
  }
  if (isLeftOpen(bench, mode, path) || ['', 'none', 'bridge'].includes(mode)) return;
  const other = /^service:(.+)$/.exec(mode)?.[1];
  if (other !== undefined && (bench.subject.services?.has(other) ?? true)) return;
  const why =
    other !== undefined
      ? `the service ${other} is not in this file`
      : mode === 'host'
        ? "it shares the host's network, with every port of it"
        : "it joins another container's or network's namespace";
  deny(bench, 'network_mode', mode, path, why, other === undefined);
}
