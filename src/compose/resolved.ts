/** The `resolved` of a plan (P-3, P-12) from compose's answer: only what rules look at, in one form for every version of compose, sorted, without floats. */
import { normalise } from '../manifest/paths.js';
import { type Answer, answerError } from './answer.js';
import { shownOption } from './driver-options.js';
import type { Json, Resolved } from './model.js';
import { joinedNetworks } from './rules-networks.js';
import { mountedVolumes } from './rules-volumes.js';
import {
  compareText,
  isList,
  isMap,
  type JsonMap,
  mapMember,
  member,
  pairs,
  scalarText,
  settled,
  sorted,
} from './values.js';

type Building = { [key: string]: Json };

export function resolvedOf(answer: Answer, definition: JsonMap): Resolved {
  const service = serviceOf(answer, definition);
  const names = (kind: 'configs' | 'secrets'): readonly string[] => {
    const taken = member(service, kind) ?? null;
    return isList(taken) ? [...new Set(taken.map((name) => scalarText(name) ?? ''))] : [];
  };
  const networks = (joinedNetworks(service) ?? []).filter((name) => Object.hasOwn(answer.networks, name));
  return withoutEmpty({
    service,
    volumes: entries(mountedVolumes(service, answer.volumes), answer.volumes),
    networks: entries([...networks].sort(compareText), answer.networks),
    configs: fileEntries(names('configs'), answer.configs),
    secrets: fileEntries(names('secrets'), answer.secrets),
  });
}

function serviceOf(answer: Answer, definition: JsonMap): JsonMap {
  const own = answer.service;
  const service: Building = {};
  for (const key of Object.keys(answer.other)) service[key] = settled(member(answer.other, key) ?? null);
  const image = member(definition, 'image') ?? null;
  if (image !== null && image !== '') service.image = text(member(own, 'image'), 'an image');
  const containerName = member(own, 'container_name') ?? null;
  if (containerName !== null && containerName !== '') service.container_name = text(containerName, 'a container_name');
  for (const flag of ['privileged', 'oom_kill_disable']) {
    const value = member(own, flag) ?? false;
    if (typeof value !== 'boolean') throw answerError(`${flag} that is no boolean`);
    if (value) service[flag] = true;
  }
  service.volumes = sorted(list(member(own, 'volumes'), 'volumes').map(mount));
  service.ports = sorted(list(member(own, 'ports'), 'ports').map(port));
  // Compose adds `default` to a service without networks; whether it has a network of its own, only the text and network_mode say.
  const mode = scalarText(member(answer.other, 'network_mode')) ?? '';
  const written = member(definition, 'networks') ?? null;
  if (mode === '' || written !== null) service.networks = networks(member(own, 'networks') ?? null);
  return withoutEmpty(service);
}

function mount(value: Json): Json {
  if (!isMap(value)) throw answerError('a mount that is no mapping');
  const type = text(member(value, 'type'), 'a mount type');
  const source = member(value, 'source') ?? null;
  const propagation = member(mapMember(value, 'bind'), 'propagation') ?? null;
  const readOnly = member(value, 'read_only') ?? false;
  if (typeof readOnly !== 'boolean') throw answerError('read_only that is no boolean');
  const known = source === null || source === '' ? null : text(source, 'a mount source');
  const path = type === 'bind' ? normalise(known ?? '') : known;
  if (type === 'bind' && path === null) throw answerError('a bind mount without an absolute source');
  return withoutEmpty({
    type,
    source: path,
    target: text(member(value, 'target'), 'a mount target'),
    ...(readOnly ? { read_only: true } : {}),
    ...(propagation === null || propagation === ''
      ? {}
      : { bind: { propagation: text(propagation, 'a propagation') } }),
  });
}

/** `[HOST_IP:]PUBLISHED:TARGET/PROTOCOL`, as people write it. */
function port(value: Json): Json {
  if (!isMap(value)) throw answerError('a port that is no mapping');
  const part = (key: string): string => scalarText(member(value, key)) ?? '';
  const address = part('host_ip');
  const host = address === '' ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  const published = part('published');
  if (part('target') === '') throw answerError('a port without target');
  return `${host}${published === '' ? '' : `${published}:`}${part('target')}/${part('protocol') || 'tcp'}`;
}

function networks(value: Json): Json {
  if (value === null) return null;
  if (!isMap(value)) throw answerError('networks that are no mapping');
  const joined: Building = {};
  for (const name of Object.keys(value).sort(compareText)) {
    const options = optionsOf(mapMember(value, name));
    joined[name] = options === null ? null : { driver_opts: options };
  }
  return joined;
}

function entries(names: readonly string[], definitions: JsonMap): JsonMap {
  return Object.fromEntries(
    names.map((name) => {
      const definition = mapMember(definitions, name);
      const external = member(definition, 'external') ?? null;
      return [
        name,
        withoutEmpty({
          name: textOrNull(member(definition, 'name'), 'a name'),
          driver: textOrNull(member(definition, 'driver'), 'a driver'),
          driver_opts: optionsOf(definition),
          external: external === true || isMap(external) ? true : external === false ? null : settled(external),
        }),
      ];
    }),
  );
}

/** Options of drivers can carry a password (cifs): it stays here. */
function optionsOf(definition: JsonMap): Json {
  const value = pairs(member(definition, 'driver_opts'));
  if (value === null) throw answerError('driver_opts that are no mapping');
  if (value.length === 0) return null;
  const options = value.map(([name, option]) => [name, shownOption(name, option ?? '')] as const);
  return Object.fromEntries(options.sort(([a], [b]) => compareText(a, b)));
}

function fileEntries(names: readonly string[], definitions: JsonMap): JsonMap {
  return Object.fromEntries(
    [...names].sort(compareText).map((name) => {
      const definition = mapMember(definitions, name);
      const external = settled(member(definition, 'external') ?? null);
      return [
        name,
        withoutEmpty({
          file: textOrNull(member(definition, 'file'), 'a file'),
          external: external === false ? null : external,
        }),
      ];
    }),
  );
}

function list(value: Json | undefined, what: string): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (isList(value)) return value;
  throw answerError(`${what} that are no list`);
}

function text(value: Json | undefined, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw answerError(`${what} that is no text`);
}

function textOrNull(value: Json | undefined, what: string): string | null {
  return value === undefined || value === null || value === '' ? null : text(value, what);
}

/** Without null, empty text, empty lists and maps: what a version of compose leaves out, another prints as empty. Keys sorted. */
function withoutEmpty(map: Building): JsonMap {
  const kept: Building = {};
  for (const key of Object.keys(map).sort(compareText)) {
    const value = map[key] ?? null;
    const empty =
      value === null ||
      value === '' ||
      (isList(value) && value.length === 0) ||
      (isMap(value) && Object.keys(value).length === 0);
    if (!empty) kept[key] = value;
  }
  return kept;
}
