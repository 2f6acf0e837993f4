/** G-7's rules for the remaining conditional keys, and for keys that are denied unless config.yaml allows them. */
import type { Json } from './model.js';
import { surelyOff } from './mounts.js';
import {
  DEFAULT_CAPABILITIES,
  DEPLOY_KEYS,
  IPC_MODES,
  type KeyRow,
  LOGGING_DRIVERS,
  NESTED_KEYS,
  PULL_POLICIES,
} from './policy-table.js';
import { judgeFile } from './rules-paths.js';
import { at, type Bench, checkKeys, deny, denyShape, isLeftOpen } from './subject.js';
import {
  elementText,
  isList,
  isMap,
  mapMember,
  member,
  type Path,
  pairs,
  scalarText,
  settled,
  strings,
} from './values.js';

/** What the engine takes as an image, and no word that a command could take for an option. */
const IMAGE = /^[a-zA-Z0-9[][a-zA-Z0-9._:/@+[\]-]{0,511}$/;

export function judgeImage(bench: Bench, value: Json): void {
  const path = at(bench, 'image');
  const image = scalarText(value);
  if (value === null || image === '') return;
  if (image === null) denyShape(bench, 'image', path, 'it is no text');
  else if (isLeftOpen(bench, image, path)) return;
  else if (!IMAGE.test(image)) denyShape(bench, 'image', path, 'it is no image reference');
  else if (isMoving(image)) {
    const why = 'the tag is none or latest, so the same text can mean another image tomorrow';
    if (bench.context.deny.includes('moving_tag')) deny(bench, 'moving_tag', image, path, why);
    else bench.warnings.push(`moving_tag: ${image}: ${why}`);
  }
}

function isMoving(image: string): boolean {
  if (image.includes('@') || /^(sha256:)?[0-9a-f]{64}$/.test(image)) return false;
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}

/** A text that must be one of a few. '' and null are compose's default. */
function judgeChoice(bench: Bench, key: string, value: Json, accepted: ReadonlySet<string>, why: string): void {
  const path = at(bench, key);
  const text = scalarText(value);
  if (value === null || text === '') return;
  if (text === null) denyShape(bench, key, path, 'it is no text');
  else if (!isLeftOpen(bench, text, path) && !accepted.has(text)) deny(bench, key, text, path, why);
}

export const judgePullPolicy = (bench: Bench, value: Json): void =>
  judgeChoice(bench, 'pull_policy', value, PULL_POLICIES, 'what runs would not be what the plan saw');

export const judgeIpc = (bench: Bench, value: Json): void =>
  judgeChoice(bench, 'ipc', value, IPC_MODES, 'it shares the memory of the host or of another container');

export const judgeScale = (bench: Bench, value: Json): void =>
  judgeChoice(bench, 'scale', value, new Set(['1']), 'a module is one container');

/** Each element of a list (a text alone is a list of one). */
function eachElement(value: Json, path: Path, judge: (element: Json, path: Path) => void): void {
  if (value === null || value === '') return;
  if (isList(value)) for (const [index, element] of value.entries()) judge(element, [...path, index]);
  else judge(value, path);
}

function eachText(bench: Bench, key: string, value: Json, judge: (text: string, path: Path) => void): void {
  eachElement(value, at(bench, key), (element, path) => {
    const text = scalarText(element);
    if (text === null) denyShape(bench, key, path, 'it is no text');
    else if (!isLeftOpen(bench, text, path)) judge(text, path);
  });
}

export function judgeCapAdd(bench: Bench, value: Json): void {
  eachText(bench, 'cap_add', value, (capability, path) => {
    const name = capability.toUpperCase().replace(/^CAP_/, '');
    if (!DEFAULT_CAPABILITIES.has(name))
      deny(bench, 'cap_add', capability, path, 'the engine does not give it by default');
  });
}

export function judgeSecurityOpt(bench: Bench, value: Json): void {
  eachText(bench, 'security_opt', value, (option, path) => {
    if (/^no-new-privileges([:=]true)?$/.test(option)) return;
    const profile = /^seccomp[=:](.*)$/s.exec(option)?.[1];
    if (profile !== undefined && profile !== 'unconfined' && profile !== 'builtin' && profile !== '') {
      judgeFile(bench, 'security_opt', profile, path, 'seccomp=');
    } else deny(bench, 'security_opt', option, path, 'it takes away what keeps the container apart from the host');
  });
}

export function judgeSysctls(bench: Bench, value: Json): void {
  judgePairs(bench, 'sysctls', value, "it is a setting outside of the container's own network", (name) =>
    name.startsWith('net.'),
  );
}

export function judgeGroupAdd(bench: Bench, value: Json): void {
  const forbidden = new Set(['root', 'docker', ...(bench.context.dockerGroups ?? [])]);
  eachText(bench, 'group_add', value, (group, path) => {
    const plain = /^[+-]?\d+$/.test(group) ? String(Math.abs(Number(group))) : group;
    if (plain === '0' || forbidden.has(plain))
      deny(bench, 'group_add', group, path, "root's group and docker's equal root on the host");
  });
}

export function judgeOomScoreAdj(bench: Bench, value: Json): void {
  const path = at(bench, 'oom_score_adj');
  const text = scalarText(value);
  if (value === null) return;
  if (text === null) denyShape(bench, 'oom_score_adj', path, 'it is no number');
  else if (!isLeftOpen(bench, text, path) && !/^\d+$/.test(text)) {
    deny(bench, 'oom_score_adj', text, path, 'below 0 the host ends its own processes before this one');
  }
}

export function judgeLogging(bench: Bench, value: Json): void {
  const path = at(bench, 'logging');
  if (value === null) return;
  if (!isMap(value)) {
    denyShape(bench, 'logging', path, 'it is no mapping');
    return;
  }
  checkKeys(bench, Object.keys(value), NESTED_KEYS.logging, path);
  const driver = scalarText(member(value, 'driver')) ?? '';
  if (isLeftOpen(bench, driver, [...path, 'driver']) || driver === '' || LOGGING_DRIVERS.has(driver)) return;
  deny(bench, 'logging', driver, [...path, 'driver'], "with it platformctl cannot show a failed container's log");
}

export function judgeDeploy(bench: Bench, value: Json): void {
  const path = at(bench, 'deploy');
  if (value === null) return;
  if (!isMap(value)) {
    denyShape(bench, 'deploy', path, 'it is no mapping');
    return;
  }
  for (const key of Object.keys(value)) {
    const part = member(value, key) ?? null;
    if (part === null || key.startsWith('x-')) continue;
    if (key === 'replicas') {
      const count = elementText(part);
      if (!isLeftOpen(bench, count, [...path, key]) && count !== '1')
        deny(bench, 'deploy', `replicas=${count}`, [...path, key], 'a module is one container');
    } else if (!DEPLOY_KEYS.has(key))
      judgeElement(bench, 'deploy', part, [...path, key], 'it means something to a swarm only', `${key}=`);
  }
  // The same request as `gpus`, written differently.
  const devices = member(mapMember(mapMember(value, 'resources'), 'reservations'), 'devices') ?? null;
  eachElement(devices, [...path, 'resources', 'reservations', 'devices'], (device, place) =>
    judgeElement(bench, 'gpus', device, place, 'it hands a device of the host to the container'),
  );
}

/** Ports are shown, and only their form is judged. */
export function judgePorts(bench: Bench, value: Json): void {
  eachElement(value, at(bench, 'ports'), (port, path) => {
    if (isMap(port)) checkKeys(bench, Object.keys(port), NESTED_KEYS.ports, path);
    else if (scalarText(port) === null) denyShape(bench, 'ports', path, 'it is no port');
  });
}

/** What `build` gives is named by its context: the rest can hold secrets. */
function judgeBuild(bench: Bench, row: KeyRow, value: Json): void {
  if (value === null) return;
  const context = isMap(value) ? (member(value, 'context') ?? '.') : value;
  judgeElement(bench, row.rule, context, at(bench, 'build'), row.why);
}

/** A key that is denied unless config.yaml allows it, by its row of the table. */
export function judgeExcepted(bench: Bench, row: KeyRow, value: Json): void {
  const path = at(bench, row.key);
  if (row.key === 'build') judgeBuild(bench, row, value);
  else if (row.shape === 'flag') {
    const off = surelyOff(value);
    if (off === null) isLeftOpen(bench, '\0', path);
    else if (!off) deny(bench, row.rule, null, path, row.why);
  } else if (row.shape === 'pairs') judgePairs(bench, row.key, value, row.why, () => false);
  else if (row.shape === 'text' && value !== '')
    eachElement(isList(value) ? elementText(value) : value, path, (text) =>
      judgeElement(bench, row.rule, text, path, row.why),
    );
  else
    eachElement(value, path, (element, place) =>
      judgeElement(bench, row.rule, element, place, row.why, '', row.textOnly),
    );
}

/** `always`: denied for being there, whatever its variables will be. */
function judgeElement(
  bench: Bench,
  rule: string,
  element: Json,
  path: Path,
  why: string,
  prefix = '',
  always = false,
): void {
  let open = false;
  if (!always) {
    for (const found of strings(element, path)) open = isLeftOpen(bench, found.text, found.path) || open;
  }
  if (open) return;
  // Of both passes the same, so that one exception holds for both; what is judged by its text alone stays as it is written.
  const text = rule === 'devices' ? deviceText(element) : elementText(always ? element : settled(element));
  deny(bench, rule, `${prefix}${text}`.replaceAll('\0', '$?'), path, why);
}

/** `/dev/x`, `/dev/x:/dev/x:rwm` and the long notation are one device: an exception names it one way. */
function deviceText(device: Json): string {
  const text = isMap(device)
    ? ['source', 'target', 'permissions']
        .map((key) => scalarText(member(device, key)) ?? '')
        .join(':')
        .replace(/:+$/, '')
    : elementText(device);
  return canonicalDevice(text);
}

/** `/dev/x:/dev/x` for `/dev/x` and `/dev/x:/dev/x:rwm`; other permissions stay. */
export function canonicalDevice(text: string): string {
  if (!text.startsWith('/')) return text;
  const [source = '', target = '', permissions = ''] = text.split(':');
  const named = `${source}:${target === '' ? source : target}`;
  return permissions === '' || permissions === 'rwm' ? named : `${named}:${permissions}`;
}

function judgePairs(bench: Bench, key: string, value: Json, why: string, accepted: (name: string) => boolean): void {
  const entries = pairs(value);
  if (entries === null) denyShape(bench, key, at(bench, key), 'it is neither list nor mapping');
  for (const [index, [name, text]] of (entries ?? []).entries()) {
    const path = at(bench, key, isList(value) ? index : name);
    // The name decides, and only a list can have one with a variable.
    if (isLeftOpen(bench, name, path)) continue;
    if (accepted(name) || isLeftOpen(bench, text ?? '', path)) continue;
    deny(bench, key, text === null ? name : `${name}=${text}`, path, why);
  }
}
