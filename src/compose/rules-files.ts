/** G-7's rules for what compose reads from files: `env_file`, `configs`, `secrets`. */
import type { Json } from './model.js';
import { surelyOff } from './mounts.js';
import { NESTED_KEYS } from './policy-table.js';
import { judgeFile } from './rules-paths.js';
import { at, type Bench, checkKeys, deny, denyShape, isLeftOpen } from './subject.js';
import { isList, isMap, type JsonMap, member, scalarText } from './values.js';

export function judgeEnvFile(bench: Bench, value: Json): void {
  const items = isList(value) ? value : value === null ? [] : [value];
  for (const [index, item] of items.entries()) {
    const path = at(bench, 'env_file', ...(isList(value) ? [index] : []));
    const file = isMap(item) ? scalarText(member(item, 'path')) : scalarText(item);
    if (isMap(item)) checkKeys(bench, Object.keys(item), NESTED_KEYS.env_file, path);
    if (file === null) denyShape(bench, 'env_file', path, 'it names no file');
    else if (!isLeftOpen(bench, file, path)) judgeFile(bench, 'env_file', file, path);
  }
}

/** Names of the configs or secrets that a service takes, masked; null: an item that names none. */
export function takenNames(definition: JsonMap, kind: 'configs' | 'secrets'): readonly (string | null)[] | null {
  const value = member(definition, kind) ?? null;
  if (value === null) return [];
  if (!isList(value)) return null;
  return value.map((item) => (isMap(item) ? scalarText(member(item, 'source')) : scalarText(item)));
}

export function judgeTaken(bench: Bench, kind: 'configs' | 'secrets', value: Json): void {
  const names = takenNames(bench.subject.definition, kind);
  if (names === null) {
    denyShape(bench, kind, at(bench, kind), 'it is no list');
    return;
  }
  for (const [index, name] of names.entries()) {
    const path = at(bench, kind, index);
    const item = isList(value) ? value[index] : null;
    if (isMap(item)) checkKeys(bench, Object.keys(item), NESTED_KEYS[kind], path);
    if (name === null) denyShape(bench, kind, path, 'it names none of the top level');
    else if (!isLeftOpen(bench, name, path)) judgeDefinition(bench, kind, name);
  }
}

function judgeDefinition(bench: Bench, kind: 'configs' | 'secrets', name: string): void {
  const path = [kind, name];
  const definition = member(bench.subject[kind], name);
  if (!isMap(definition)) {
    deny(bench, kind, name, at(bench, kind), `${name} is not declared at the top level`, false);
    return;
  }
  checkKeys(bench, Object.keys(definition), NESTED_KEYS[`top.${kind}`], path);
  const external = surelyOff(member(definition, 'external'));
  if (external === null) isLeftOpen(bench, '\0', [...path, 'external']);
  else if (!external)
    deny(bench, kind, `${name}:external`, [...path, 'external'], 'an external one lives where no plan sees it', false);
  for (const key of ['driver', 'driver_opts', 'template_driver']) {
    const value = member(definition, key) ?? null;
    if (value === null || (isMap(value) && Object.keys(value).length === 0)) continue;
    deny(bench, kind, `${name}:${key}`, [...path, key], 'it comes from a driver, which no plan sees');
  }
  const file = member(definition, 'file') ?? null;
  if (file === null) return;
  if (typeof file !== 'string') denyShape(bench, kind, [...path, 'file'], 'it is no text');
  else if (!isLeftOpen(bench, file, [...path, 'file'])) judgeFile(bench, kind, file, [...path, 'file']);
}
