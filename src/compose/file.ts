/** A compose file's bytes as values, before any compose process sees them (P-7). */
import type { Problem, Where } from '../errors.js';
import { parseYaml } from '../manifest/yaml.js';
import { type Bases, followExtends, type Report } from './extends.js';
import type { ComposeFile, Json, ParsedCompose } from './model.js';
import { TOP_LEVEL_KEYS } from './policy-table.js';
import { isMap, type JsonMap, member, type Path, strings } from './values.js';
import { hasVariable, isInvalidTemplate, isVariableName, variablesIn } from './variables.js';

/** Compose files of known projects stay under 50 kB. */
export const COMPOSE_MAX_BYTES = 1024 * 1024;
const MAX_PROBLEMS = 100;
/** What compose itself takes, but for a first character that a command could take for an option and what names a folder everywhere else. */
const NAME = /^(?!\.{1,2}$)[a-zA-Z0-9_.][a-zA-Z0-9._-]{0,127}$/;
const PROJECT = /^[a-z0-9][a-z0-9_-]*$/;
const NO_NAME = "a variable's name is up to 256 of A-Z, a-z, 0-9 and _, and does not begin with a digit";
const NAME_HINT = 'give the variable another name';
const DEFINITIONS = ['volumes', 'networks', 'configs', 'secrets'] as const;

/** Findings that are policy (exit 4) and not form (exit 3). */
const POLICY_CODES = new Set(['PCTL-COMPOSE-INCLUDE', 'PCTL-COMPOSE-EXTENDS', 'PCTL-COMPOSE-KEY']);

/**
 * Reads a compose file. Never throws: what is wrong comes back as problems, all of them (M-2). `exit` is 4 where all of them are policy
 * (`include`, `extends` of another file, a top-level key that G-7 does not have), else 3.
 */
export function parseCompose(bytes: Uint8Array, path: string): ParsedCompose {
  const hidden = foreignLineBreak(bytes, path);
  if (hidden) return { ok: false, problems: [hidden], exit: 3 };
  const parsed = parseYaml(bytes, path, {
    yaml11: true,
    maxBytes: COMPOSE_MAX_BYTES,
    foreignTags: ['!reset', '!override'],
  });
  if (!parsed.ok) return { ok: false, problems: parsed.problems, exit: 3 };
  const data = parsed.document.data as Json;
  const problems: Problem[] = [];
  const report: Report = (at, code, message, hint) => {
    if (problems.length < MAX_PROBLEMS)
      problems.push({ code, file: path, ...parsed.document.place(at), message, ...(hint ? { hint } : {}) });
  };
  const place = (at: Path): Where => ({ file: path, ...parsed.document.place(at) });
  const file = isMap(data) ? readFile(data, path, place, report) : notAMap(report);
  if (problems.length === 0 && file) return { ok: true, file };
  return { ok: false, problems, exit: problems.every(({ code }) => POLICY_CODES.has(code)) ? 4 : 3 };
}

/**
 * YAML 1.1, which compose reads, ends a line also at U+0085, U+2028 and U+2029; YAML 1.2 does not. So a comment could hide a key from the judge that
 * compose sees: such a file is refused.
 */
function foreignLineBreak(bytes: Uint8Array, file: string): Problem | null {
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, COMPOSE_MAX_BYTES));
  const found = /[\u0085\u2028\u2029]/.exec(text);
  if (!found) return null;
  const before = text.slice(0, found.index).split('\n');
  const hex = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  return {
    code: 'PCTL-COMPOSE-CHARACTER',
    file,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    message: `U+${hex} ends a line for compose, but not for a reader of YAML 1.2`,
    hint: 'remove it; in a double-quoted string it can be written as an escape',
  };
}

function notAMap(report: Report): null {
  report([], 'PCTL-COMPOSE-SHAPE', 'a compose file is a mapping with `services`');
  return null;
}

function readFile(data: JsonMap, path: string, place: (at: Path) => Where, report: Report): ComposeFile {
  checkTop(data, report);
  for (const { text, path: at } of strings(data)) {
    if (isInvalidTemplate(text))
      report(at, 'PCTL-COMPOSE-VARIABLE', 'not a variable that compose can read', 'write `$$` where a `$` is meant');
    else if (variablesIn(text).some(({ name }) => !isVariableName(name)))
      report(at, 'PCTL-COMPOSE-VARIABLE', NO_NAME, NAME_HINT);
  }
  const services = readServices(data, report);
  const followed = followExtends(services, report);
  return {
    path,
    name: readName(data, report),
    services: followed.services,
    volumes: readDefinitions(data, 'volumes', report),
    networks: readDefinitions(data, 'networks', report),
    configs: readDefinitions(data, 'configs', report),
    secrets: readDefinitions(data, 'secrets', report),
    place: (at) => place(origin(at, services, followed.bases)),
  };
}

function checkTop(data: JsonMap, report: Report): void {
  for (const key of Object.keys(data)) {
    if (key === 'include') {
      report(
        [key],
        'PCTL-COMPOSE-INCLUDE',
        'include is not accepted: a compose file stands alone',
        'move what it includes into this file',
      );
    } else if (!TOP_LEVEL_KEYS.has(key) && !key.startsWith('x-')) {
      report(
        [key],
        'PCTL-COMPOSE-KEY',
        `the top-level key ${key} is not accepted`,
        `known: ${[...TOP_LEVEL_KEYS].join(', ')}`,
      );
    }
  }
}

function readName(data: JsonMap, report: Report): string | null {
  const name = member(data, 'name');
  if (name === undefined || name === null) return null;
  if (typeof name === 'string' && hasVariable(name)) {
    report(
      ['name'],
      'PCTL-COMPOSE-NAME',
      'name: holds a variable, so the project would depend on the host',
      'write the name out, or remove it and set spec.runtime.project',
    );
    return null;
  }
  if (typeof name === 'string' && PROJECT.test(name)) return name;
  report(
    ['name'],
    'PCTL-COMPOSE-NAME',
    'name: is not a project name that compose takes',
    'lower-case letters, digits, - and _, beginning with a letter or digit',
  );
  return null;
}

function readServices(data: JsonMap, report: Report): ReadonlyMap<string, JsonMap> {
  const services = new Map<string, JsonMap>();
  const value = member(data, 'services');
  if (!isMap(value)) {
    report(['services'], 'PCTL-COMPOSE-SHAPE', '`services` is missing or no mapping');
    return services;
  }
  for (const name of Object.keys(value)) {
    const service = member(value, name);
    if (!NAME.test(name)) {
      report(
        ['services', name],
        'PCTL-COMPOSE-NAME',
        `${shown(name)} is not a service name`,
        'letters, digits, ., _ and -, not beginning with -',
      );
    } else if (!isMap(service)) {
      report(['services', name], 'PCTL-COMPOSE-SHAPE', `the service ${name} is no mapping`);
    } else services.set(name, service);
  }
  return services;
}

function readDefinitions(data: JsonMap, kind: (typeof DEFINITIONS)[number], report: Report): JsonMap {
  const value = member(data, kind) ?? {};
  if (!isMap(value)) {
    report([kind], 'PCTL-COMPOSE-SHAPE', `\`${kind}\` is no mapping`);
    return {};
  }
  for (const name of Object.keys(value)) {
    const entry = member(value, name) ?? null;
    if (!NAME.test(name)) report([kind, name], 'PCTL-COMPOSE-NAME', `${shown(name)} is not a name that compose takes`);
    else if (entry !== null && !isMap(entry))
      report([kind, name], 'PCTL-COMPOSE-SHAPE', `${kind}.${name} is no mapping`);
    else if (entry !== null) {
      const from = member(entry, 'environment') ?? null;
      if (from !== null && !(typeof from === 'string' && isVariableName(from)))
        report([kind, name, 'environment'], 'PCTL-COMPOSE-VARIABLE', NO_NAME, NAME_HINT);
    }
  }
  return value;
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 80));

/** Where a path of the merged service stands in the text: in the service itself, else in what it extends. */
function origin(at: Path, services: ReadonlyMap<string, JsonMap>, bases: Bases): Path {
  const [top, name, key, index] = at;
  if (top !== 'services' || typeof name !== 'string' || typeof key !== 'string') return at;
  const base = bases.get(name);
  if (base === undefined) return at;
  const own = member(services.get(name) ?? {}, key);
  if (own === undefined) return origin([top, base, ...at.slice(2)], services, bases);
  const before = member(services.get(base) ?? {}, key);
  if (typeof index !== 'number' || !Array.isArray(before)) return at;
  return index < before.length
    ? origin([top, base, ...at.slice(2)], services, bases)
    : [top, name, key, index - before.length, ...at.slice(4)];
}
