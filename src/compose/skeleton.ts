/**
 * P-12: what the host's compose is asked to resolve. The skeleton is a compose document with only the positions that rules look at, so that nothing secret
 * can come back: no environment, labels, command, entrypoint, healthcheck, build arguments. `readSkeleton` reads the answer, which is hostile input.
 */
import { normalise } from '../manifest/paths.js';
import { answerError, readAnswer } from './answer.js';
import type { ComposeFile, Json, Resolved } from './model.js';
import { POLICY_TABLE } from './policy-table.js';
import { envFileEntries, isRepoPath, reach, seccompFile } from './references.js';
import { resolvedOf } from './resolved.js';
import { takenNames } from './rules-files.js';
import { boundDevice } from './rules-volumes.js';
import { serviceOf } from './subject.js';
import { isList, isMap, type JsonMap, mapMember, member, pairs, scalarText } from './values.js';
import { hasVariable } from './variables.js';

/** Where the skeleton keeps what compose is to interpolate and not to interpret. */
const EXTENSION = 'x-platformctl';

/** Keys that stand at their real position: compose's own reading of them decides. All others are interpolated under EXTENSION. */
const REAL = new Set(['image', 'container_name', 'volumes', 'ports', 'networks', 'privileged', 'oom_kill_disable']);
const UNDER_EXTENSION: readonly string[] = POLICY_TABLE.filter(
  ({ key, verdict, textOnly }) =>
    (verdict === 'conditional' || verdict === 'excepted') && !textOnly && !REAL.has(key) && key !== 'extends',
).map(({ key }) => key);

/** A service must have an image; this one stands for none and is never pulled. */
const NO_IMAGE = 'platformctl.invalid/none:0';

/**
 * A JSON document for `docker compose --project-directory DIR -p P [--env-file F] -f - --profile '*' config --format json`.
 * @param services the services to resolve, of this file
 * @param variables names whose presence is asked: only `1` or nothing comes back, never a value
 * @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3)
 */
export function skeleton(file: ComposeFile, services: readonly string[], variables: readonly string[]): string {
  const names = [...new Set(services)].sort();
  const reached = names.map((name) => reach(file, name));
  const all = (kind: 'volumes' | 'networks' | 'configs' | 'secrets') =>
    [...new Set(reached.flatMap((one) => one[kind]))].sort();
  const pick = (kind: 'volumes' | 'networks' | 'configs' | 'secrets', keys: readonly string[]): JsonMap =>
    Object.fromEntries(all(kind).map((name) => [name, only(mapMember(file[kind], name), keys)]));
  const document: JsonMap = {
    services: Object.fromEntries(names.map((name) => [name, realPositions(serviceOf(file, name))])),
    volumes: pick('volumes', ['name', 'driver', 'driver_opts', 'external']),
    networks: pick('networks', ['name', 'driver', 'driver_opts', 'external']),
    [EXTENSION]: {
      variables: Object.fromEntries([...new Set(variables)].sort().map((name) => [name, `\${${name}+1}`])),
      services: Object.fromEntries(names.map((name) => [name, otherPositions(serviceOf(file, name))])),
      configs: pick('configs', ['file', 'external']),
      secrets: pick('secrets', ['file', 'external']),
    },
  };
  return ascii(JSON.stringify(document));
}

/** YAML 1.1 readers end a line at some characters that JSON leaves as they are. */
function ascii(json: string): string {
  return json.replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function only(map: JsonMap, keys: readonly string[]): JsonMap {
  const kept: { [key: string]: Json } = {};
  for (const key of keys) {
    const value = member(map, key) ?? null;
    if (value !== null) kept[key] = value;
  }
  return kept;
}

function realPositions(definition: JsonMap): JsonMap {
  const kept: { [key: string]: Json } = only(definition, ['container_name', 'ports', 'privileged', 'oom_kill_disable']);
  kept.image = hasImage(definition) ? (member(definition, 'image') ?? null) : NO_IMAGE;
  const volumes = member(definition, 'volumes');
  if (isList(volumes)) kept.volumes = volumes.map(mountPosition);
  const networks = member(definition, 'networks') ?? null;
  if (isMap(networks)) {
    kept.networks = Object.fromEntries(
      Object.keys(networks).map((name) => [name, only(mapMember(networks, name), ['driver_opts'])]),
    );
  } else if (networks !== null) kept.networks = networks;
  return kept;
}

function hasImage(definition: JsonMap): boolean {
  const image = member(definition, 'image') ?? null;
  return image !== null && image !== '';
}

function mountPosition(mount: Json): Json {
  if (!isMap(mount)) return mount;
  const bind = only(mapMember(mount, 'bind'), ['propagation']);
  return {
    ...only(mount, ['type', 'source', 'target', 'read_only']),
    ...(Object.keys(bind).length > 0 ? { bind } : {}),
  };
}

function otherPositions(definition: JsonMap): JsonMap {
  const kept: { [key: string]: Json } = {};
  for (const key of UNDER_EXTENSION) {
    const value = reduced(key, definition);
    if (value !== null) kept[key] = value;
  }
  return kept;
}

/** The judged part of a key's value; null where there is none. */
function reduced(key: string, definition: JsonMap): Json {
  const value = member(definition, key) ?? null;
  if (value === null) return null;
  switch (key) {
    case 'env_file':
      return envFileEntries(value).map(({ path }) => path);
    case 'configs':
    case 'secrets':
      return (takenNames(definition, key) ?? []).map((name) => name ?? '');
    case 'logging':
      return isMap(value) ? only(value, ['driver']) : null;
    case 'build':
      return isMap(value) ? (member(value, 'context') ?? '.') : value;
    case 'deploy':
      return isMap(value) ? deployPosition(value) : null;
    case 'sysctls':
    case 'storage_opt':
      return (pairs(value) ?? []).map(([name, text]) =>
        text === null ? name : `${isMap(value) ? name.replaceAll('$', '$$$$') : name}=${text}`,
      );
    default:
      return value;
  }
}

function deployPosition(deploy: JsonMap): Json {
  const { labels: _labels, restart_policy: _policy, resources: _resources, ...rest } = deploy;
  const devices = member(mapMember(mapMember(deploy, 'resources'), 'reservations'), 'devices') ?? null;
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith('x-'))),
    ...(devices === null ? {} : { resources: { reservations: { devices } } }),
  };
}

export interface ReadSkeleton {
  /** For `judgeResolved` and the plan: the same from every version of compose. */
  readonly resolved: Resolved;
  /** For every name that was asked: whether it has a value. */
  readonly variables: ReadonlyMap<string, boolean>;
  /** Paths that held a variable, relative to the compose file's folder, of entries that are required. Those without one are in `references`. */
  readonly envFiles: string[];
  /** The same for entries with `required: false`. */
  readonly optionalEnvFiles: string[];
  /** Configs, secrets and seccomp profiles whose path held a variable; bind mounts are in `binds`. */
  readonly files: { path: string; kind: 'config' | 'secret' | 'seccomp' }[];
  /** All bind mounts, sources absolute and normalised; volumes that bind a folder of the host by their driver options too. */
  readonly binds: { source: string; target: string; readOnly: boolean }[];
  /** '' where the service has none (`build`). */
  readonly image: string;
  readonly containerName: string | null;
}

/**
 * Reads what compose printed for a skeleton.
 * @param json the parsed answer
 * @throws PlatformError PCTL-COMPOSE-ANSWER (7) where it is anything else than the answer to that skeleton; PCTL-COMPOSE-NO-SERVICE (3)
 */
export function readSkeleton(json: unknown, service: string, file: ComposeFile): ReadSkeleton {
  const definition = serviceOf(file, service);
  const answer = readAnswer(json, service, EXTENSION);
  const resolved = resolvedOf(answer, definition);
  const own = mapMember(resolved, 'service');
  return {
    resolved,
    variables: answer.variables,
    ...envFilesOf(definition, answer.other),
    files: filesOf(file, service, answer.configs, answer.secrets, answer.other),
    binds: bindsOf(resolved),
    image: scalarText(member(own, 'image')) ?? '',
    containerName: scalarText(member(own, 'container_name')),
  };
}

function envFilesOf(definition: JsonMap, other: JsonMap): { envFiles: string[]; optionalEnvFiles: string[] } {
  const written = envFileEntries(member(definition, 'env_file'));
  const answered = member(other, 'env_file') ?? [];
  if (!isList(answered) || answered.length !== written.length) throw answerError('other env files than were asked');
  const envFiles: string[] = [];
  const optionalEnvFiles: string[] = [];
  for (const [index, { path, required }] of written.entries()) {
    const known = scalarText(answered[index]);
    if (known === null) throw answerError('an env file that is no text');
    if (hasVariable(path) && isRepoPath(known)) (required ? envFiles : optionalEnvFiles).push(known);
  }
  return { envFiles, optionalEnvFiles };
}

function filesOf(
  file: ComposeFile,
  service: string,
  configs: JsonMap,
  secrets: JsonMap,
  other: JsonMap,
): ReadSkeleton['files'] {
  const found: ReadSkeleton['files'] = [];
  const add = (written: string | null, known: string | null, kind: 'config' | 'secret' | 'seccomp'): void => {
    if (written !== null && known !== null && hasVariable(written) && isRepoPath(known))
      found.push({ path: known, kind });
  };
  const fileOf = (map: JsonMap, name: string) => scalarText(member(mapMember(map, name), 'file'));
  const taken = (kind: 'configs' | 'secrets'): readonly string[] => {
    const names = member(other, kind) ?? null;
    return isList(names) ? names.map((name) => scalarText(name) ?? '') : [];
  };
  for (const name of taken('configs')) add(fileOf(file.configs, name), fileOf(configs, name), 'config');
  for (const name of taken('secrets')) add(fileOf(file.secrets, name), fileOf(secrets, name), 'secret');
  const written = member(serviceOf(file, service), 'security_opt');
  const options = member(other, 'security_opt');
  for (const [index, option] of (isList(options) ? options : []).entries()) {
    const text = isList(written) ? scalarText(written[index]) : null;
    add(text, seccompFile(scalarText(option) ?? ''), 'seccomp');
  }
  return found;
}

function bindsOf(resolved: Resolved): ReadSkeleton['binds'] {
  const mounts = member(mapMember(resolved, 'service'), 'volumes') ?? [];
  return (isList(mounts) ? mounts : []).filter(isMap).flatMap((mount) => {
    const named = scalarText(member(mount, 'source')) ?? '';
    const type = member(mount, 'type');
    const source = type === 'bind' ? named : type === 'volume' ? deviceOf(mapMember(resolved, 'volumes'), named) : null;
    if (source === null) return [];
    return [
      { source, target: scalarText(member(mount, 'target')) ?? '', readOnly: member(mount, 'read_only') === true },
    ];
  });
}

/** The folder of the host that stands behind a volume by its driver options. */
function deviceOf(volumes: JsonMap, name: string): string | null {
  const options = pairs(member(mapMember(volumes, name), 'driver_opts'));
  return normalise(boundDevice(new Map(options)) ?? '');
}
