/** The outer shape of what a host's compose printed for a skeleton: hostile input, checked and bounded before anything is read from it. */
import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Json } from './model.js';
import { isMap, type JsonMap, member } from './values.js';
import { isVariableName } from './variables.js';

/** Values in one answer; that of a file with a hundred services has some thousand. */
const MAX_VALUES = 50_000;
const MAX_DEPTH = 24;
const MAX_TEXT = 16_384;

export interface Answer {
  readonly service: JsonMap;
  readonly volumes: JsonMap;
  readonly networks: JsonMap;
  /** The service's positions under the extension. */
  readonly other: JsonMap;
  readonly configs: JsonMap;
  readonly secrets: JsonMap;
  readonly variables: ReadonlyMap<string, boolean>;
}

export function answerError(why: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-COMPOSE-ANSWER',
    exit: EXIT_REMOTE_FAILED,
    summary: 'docker compose on the host did not answer what it was asked',
    where: { step: 'resolve' },
    why: `its answer holds ${why}`,
    hint: 'platformctl host check tells which docker compose is there',
  });
}

/** @throws PlatformError PCTL-COMPOSE-ANSWER (7) */
export function readAnswer(json: unknown, service: string, extensionKey: string): Answer {
  const document = copy(json, { left: MAX_VALUES }, 0);
  const map = (value: Json | undefined, what: string): JsonMap => {
    if (isMap(value)) return value;
    if (value === undefined || value === null) return {};
    throw answerError(`${what} that is no mapping`);
  };
  const needed = (parent: JsonMap, key: string): JsonMap => {
    const value = member(parent, key);
    if (!isMap(value)) throw answerError(`no mapping at ${key.slice(0, 80)}`);
    return value;
  };
  if (!isMap(document)) throw answerError('no mapping');
  const extension = needed(document, extensionKey);
  const variables = new Map<string, boolean>();
  for (const [name, value] of Object.entries(needed(extension, 'variables'))) {
    if (!isVariableName(name) || (value !== '1' && value !== '' && value !== null))
      throw answerError('a variable that is neither there nor absent');
    variables.set(name, value === '1');
  }
  return {
    service: needed(needed(document, 'services'), service),
    volumes: map(member(document, 'volumes'), 'volumes'),
    networks: map(member(document, 'networks'), 'networks'),
    other: needed(needed(extension, 'services'), service),
    configs: map(member(extension, 'configs'), 'configs'),
    secrets: map(member(extension, 'secrets'), 'secrets'),
    variables,
  };
}

/** Plain data without inherited members. `config` prints every `$` as `$$`, so that its output is a compose file again: that is undone. */
function copy(value: unknown, budget: { left: number }, depth: number): Json {
  if (--budget.left < 0) throw answerError(`more than ${MAX_VALUES} values`);
  if (depth > MAX_DEPTH) throw answerError(`values nested deeper than ${MAX_DEPTH}`);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string') return text(value);
  // Unlike map, from visits a hole: it is refused like any other thing that is no JSON.
  if (Array.isArray(value)) return Array.from(value, (item: unknown) => copy(item, budget, depth + 1));
  if (typeof value !== 'object') throw answerError('something that is no JSON');
  const plain: { [key: string]: Json } = Object.create(null);
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') throw answerError('a key that no compose file has');
    plain[text(key)] = copy(inner, budget, depth + 1);
  }
  return plain;
}

function text(value: string): string {
  if (value.length > MAX_TEXT) throw answerError(`text longer than ${MAX_TEXT} characters`);
  if (value.includes('\0')) throw answerError('a NUL');
  if (/\p{Surrogate}/u.test(value)) throw answerError('text that is not Unicode');
  return value.replaceAll('$$', '$');
}
