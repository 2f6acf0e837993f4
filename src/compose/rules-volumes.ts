/** G-7's rules for `volumes`: mounts of the service, and the top-level volumes that they name. */
import { shownOption } from './driver-options.js';
import type { Json } from './model.js';
import { type Mount, readMount, surelyOff } from './mounts.js';
import { NESTED_KEYS } from './policy-table.js';
import { hostPath, judgeBind } from './rules-paths.js';
import { at, type Bench, checkKeys, deny, denyShape, isLeftOpen } from './subject.js';
import { isList, isMap, type JsonMap, member, type Path, pairs, scalarText } from './values.js';
import { isOpen } from './variables.js';

/** Of these types a `device` is no path of the host. */
const REMOTE_TYPES = new Set(['nfs', 'nfs4', 'cifs', 'smb3', 'tmpfs']);

export function judgeVolumes(bench: Bench, value: Json): void {
  if (!isList(value)) {
    denyShape(bench, 'volumes', at(bench, 'volumes'), 'it is no list');
    return;
  }
  const named = new Map<string, boolean>();
  for (const [index, item] of value.entries()) {
    const path = at(bench, 'volumes', index);
    const mount = readMount(item);
    if ('open' in mount) isLeftOpen(bench, '\0', path);
    else if ('bad' in mount) denyShape(bench, 'volumes', path, mount.bad);
    else judgeMount(bench, mount, path, named);
  }
  for (const [name, readOnly] of named) judgeNamed(bench, name, readOnly);
}

function judgeMount(bench: Bench, mount: Mount, path: Path, named: Map<string, boolean>): void {
  checkKeys(bench, mount.keys, NESTED_KEYS.volumes, path);
  const { type, source, propagation } = mount;
  // As resolved: compose makes a relative source absolute.
  const place =
    type === 'bind' && source !== null ? (hostPath(source, bench.context.folder) ?? source) : (source ?? '');
  const shown = `${place}:${mount.target}`;
  if (
    propagation !== null &&
    !isLeftOpen(bench, propagation, [...path, 'propagation']) &&
    propagation !== 'rprivate' &&
    propagation !== ''
  ) {
    deny(
      bench,
      'volumes',
      `${shown}:${propagation}`,
      path,
      'propagation other than rprivate lets mounts pass between host and container',
    );
  }
  if (isLeftOpen(bench, type, [...path, 'type'])) return;
  if (source !== null && isLeftOpen(bench, source, [...path, 'source'])) return;
  if (mount.readOnly === null) isLeftOpen(bench, '\0', [...path, 'read_only']);
  if (type === 'bind') judgeBind(bench, source ?? '', mount.readOnly, path);
  else if (type === 'volume') {
    if (source !== null) named.set(source, (named.get(source) ?? true) && mount.readOnly !== false);
  } else if (type !== 'tmpfs') {
    deny(bench, 'volumes', `${type}:${shown}`, path, `a mount of type ${type} is none that platformctl knows`);
  }
}

function judgeNamed(bench: Bench, name: string, readOnly: boolean): void {
  const path: Path = ['volumes', name];
  const definition = member(bench.subject.volumes, name);
  if (definition === undefined) {
    deny(bench, 'volumes', name, at(bench, 'volumes'), `the volume ${name} is not declared at the top level`, false);
    return;
  }
  if (!isMap(definition)) return;
  checkKeys(bench, Object.keys(definition), NESTED_KEYS['top.volumes'], path);
  const driver = scalarText(member(definition, 'driver')) ?? '';
  if (!isLeftOpen(bench, driver, [...path, 'driver']) && driver !== '' && driver !== 'local') {
    deny(
      bench,
      'volumes',
      `${name}:driver=${driver}`,
      [...path, 'driver'],
      'a volume driver other than local runs on the host as root',
    );
  }
  leaveOpen(bench, definition, path);
  judgeOptions(bench, name, definition, readOnly);
}

/** `name` and `external` decide which volume or network it is: with a variable that is the host's to say. */
export function leaveOpen(bench: Bench, definition: JsonMap, path: Path): void {
  isLeftOpen(bench, scalarText(member(definition, 'name')) ?? '', [...path, 'name']);
  const external = member(definition, 'external');
  const named = isMap(external) ? scalarText(member(external, 'name')) : null;
  if (surelyOff(external) === null || named?.includes('\0')) isLeftOpen(bench, '\0', [...path, 'external']);
}

function judgeOptions(bench: Bench, name: string, definition: JsonMap, readOnly: boolean): void {
  const optionsPath: Path = ['volumes', name, 'driver_opts'];
  const value = member(definition, 'driver_opts');
  const options = new Map(pairs(value) ?? []);
  if (pairs(value) === null) denyShape(bench, 'volume_driver_opts', optionsPath, 'it is no mapping');
  if (options.size === 0) return;
  const open = [...options].filter(([key, text]) => isLeftOpen(bench, text ?? '', [...optionsPath, key]));
  const type = options.get('type') ?? '';
  const device = options.get('device') ?? '';
  const undecided = open.some(([key]) => key === 'device' || key === 'type');
  const flags = options.get('o') ?? '';
  // A device that is a folder is a bind source in disguise, judged as one.
  if (!undecided && boundDevice(options) !== null) {
    const path = [...optionsPath, 'device'];
    const madeAbsolute = type === 'none' && flags === 'bind' && member(definition, 'driver') === 'local';
    const absolute = device.startsWith('/') ? device : madeAbsolute ? hostPath(device, bench.context.folder) : null;
    if (absolute === null) {
      deny(
        bench,
        'bind_outside',
        device,
        path,
        'the engine takes it relative to its own folder; write an absolute path',
        false,
      );
    } else {
      options.set('device', absolute);
      judgeBind(bench, absolute, isOpen(flags) ? null : readOnly || /(^|,)ro(,|$)/.test(flags), path);
    }
  }
  if (open.length > 0) return;
  const shown = [...options].map(([key, text]) => `${key}=${shownOption(key, text ?? '')}`).sort();
  deny(
    bench,
    'volume_driver_opts',
    shown.join(' '),
    optionsPath,
    'driver options can mount anything, also a folder of the host',
  );
}

/** The device of a volume's driver options where it is a path of the host; with `bind` the kernel does not even look at the type. */
export function boundDevice(options: ReadonlyMap<string, string | null>): string | null {
  const device = options.get('device') ?? '';
  const local = device.startsWith('/') && !REMOTE_TYPES.has(options.get('type') ?? '');
  return local || /bind/.test(options.get('o') ?? '') ? device : null;
}

/** Names of the top-level volumes that a service mounts; all of them where a name is decided on the host. */
export function mountedVolumes(definition: JsonMap, volumes: JsonMap): readonly string[] {
  const value = member(definition, 'volumes');
  const names = new Set<string>();
  for (const item of isList(value) ? value : []) {
    const mount = readMount(item);
    if ('bad' in mount) continue;
    if ('open' in mount || mount.type.includes('\0') || mount.source?.includes('\0')) {
      if ('open' in mount || mount.type !== 'bind') for (const name of Object.keys(volumes)) names.add(name);
    } else if (mount.type === 'volume' && mount.source !== null) names.add(mount.source);
  }
  return [...names].filter((name) => Object.hasOwn(volumes, name)).sort();
}
