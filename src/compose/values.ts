/** Narrowing of JSON values as they come out of YAML. Nothing here knows what compose means by them. */
import type { Json } from './model.js';

export type JsonMap = { readonly [key: string]: Json };
export type Path = readonly (string | number)[];

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** An own member; inherited names such as `constructor` are not there. */
export function member(map: JsonMap, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** A map member that is a map itself; {} where it is absent or something else. */
export function mapMember(map: JsonMap, key: string): JsonMap {
  const value = member(map, key);
  return isMap(value) ? value : {};
}

/** The text of a scalar: numbers and booleans as YAML would write them; null for null, lists and maps. */
export function scalarText(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return null;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: Json | undefined): string {
  if (value === undefined) return 'null';
  if (isList(value)) return `[${value.map(canonical).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).sort(compareText);
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(member(value, key))}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** The form in which a plan keeps what was resolved: lists and keys sorted, floats as text. */
export function settled(value: Json): Json {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return String(value);
  if (isList(value)) return sorted(value.map(settled));
  if (!isMap(value)) return value;
  const names = Object.keys(value).sort(compareText);
  return Object.fromEntries(names.map((name) => [name, settled(member(value, name) ?? null)]));
}

export function sorted(items: readonly Json[]): readonly Json[] {
  return items
    .map((item) => [canonical(item), item] as const)
    .sort(([a], [b]) => compareText(a, b))
    .map(([, item]) => item);
}

/** A scalar's own text, else its canonical JSON: how an element is named in an exception. */
export function elementText(value: Json): string {
  return scalarText(value) ?? canonical(value);
}

/** `{a: 1, b: null}` or `['a=1', 'b']` as entries; compose takes both forms for environment, labels, sysctls. null: neither form. */
export function pairs(value: Json | undefined): readonly (readonly [string, string | null])[] | null {
  if (value === undefined || value === null) return [];
  if (isMap(value)) return Object.keys(value).map((key) => [key, pairValue(member(value, key))] as const);
  if (!isList(value)) return null;
  const entries: (readonly [string, string | null])[] = [];
  for (const item of value) {
    const text = scalarText(item);
    if (text === null) return null;
    const at = text.indexOf('=');
    entries.push(at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]);
  }
  return entries;
}

function pairValue(value: Json | undefined): string | null {
  return value === undefined || value === null ? null : elementText(value);
}

/** Every string beneath a value, with its path. Map keys are not strings here: compose never interpolates them. */
export function* strings(value: Json | undefined, path: Path = []): Generator<{ text: string; path: Path }> {
  if (typeof value === 'string') yield { text: value, path };
  else if (isList(value)) for (const [index, item] of value.entries()) yield* strings(item, [...path, index]);
  else if (isMap(value)) for (const key of Object.keys(value)) yield* strings(member(value, key), [...path, key]);
}

/** The same tree with every string changed. */
export function mapStrings(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (isList(value)) return value.map((item) => mapStrings(item, change));
  if (isMap(value)) {
    return Object.fromEntries(Object.keys(value).map((key) => [key, mapStrings(member(value, key) ?? null, change)]));
  }
  return value;
}
