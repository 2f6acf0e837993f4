/** The table against one file's imports and names. */
import { posix } from 'node:path';
import { parse } from './source.js';
import {
  CLOCK_ROOMS,
  FOUNDATION,
  GENERATED,
  LONGER,
  LONGEST_FILE,
  PROCESS_OF_ADAPTERS,
  PROCESS_ROOMS,
  PURE_CRYPTO,
  PURE_NODE,
  PURE_ROOMS,
  ROOMS,
} from './table.js';

const has = (list: readonly string[], one: string): boolean => list.includes(one);

/** `src/gate/phase.ts`: gate; `src/errors.ts`: errors. */
function roomOf(path: string): string {
  const [, first = ''] = path.split('/');
  return first.replace(/\.ts$/, '');
}

/** `@scope/name/deep`: `@scope/name`. Node's own modules stay whole. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The file, without its ending, that a relative import names: `plan/artifact`. */
function target(path: string, from: string): string {
  return posix.relative('src', posix.join(posix.dirname(path), from)).replace(/\.js$/, '');
}

function packageAllowed(allowed: readonly string[], specifier: string): boolean {
  if (has(PURE_NODE, specifier)) return true;
  return has(allowed, packageOf(specifier)) || (specifier.startsWith('node:') && has(allowed, 'node:*'));
}

/** What a file does that its room may not, one line each: `src/gate/x.ts:3 gate may not import node:fs`. */
export function violations(path: string, text: string): string[] {
  const room = roomOf(path);
  const rules = ROOMS[room];
  if (!rules) return [`${path} is in no room of the table`];
  const { imports, uses } = parse(path, text);
  const found: string[] = [];
  for (const { from, typeOnly, names, line } of imports) {
    const at = `${path}:${line} ${room} may not import`;
    if (!from.startsWith('.')) {
      if (!packageAllowed(rules.packages, from)) found.push(`${at} ${from}`);
      const effects = names.filter((name) => !has(PURE_CRYPTO, name));
      const whole = names.length === 0;
      if (from === 'node:crypto' && room !== 'adapters' && (whole || effects.length > 0)) {
        found.push(`${at} ${whole ? 'all' : effects.join(', ')} of node:crypto`);
      }
      continue;
    }
    const file = target(path, from);
    const other = file.split('/')[0] ?? '';
    const allowed = [room, ...FOUNDATION, ...rules.values, ...(typeOnly ? rules.types : [])];
    if (!has(allowed, other) && !has(allowed, file)) found.push(`${at} ${typeOnly ? 'types of ' : ''}${file}`);
  }
  for (const { name, line } of uses) {
    const rule = name.split('.')[0];
    if (room === 'adapters' && has(PROCESS_OF_ADAPTERS, name)) continue;
    if (rule === 'process' && has(PROCESS_ROOMS, room)) continue;
    if (name === 'async' ? !has(PURE_ROOMS, room) : rule !== 'process' && has(CLOCK_ROOMS, room)) continue;
    found.push(`${path}:${line} ${room} may not use ${name}`);
  }
  return found;
}

/** A file that only passes on what others export. */
export function isBarrel(path: string, text: string): boolean {
  if (/(^|\/)index\.ts$/.test(path)) return true;
  const statements = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').match(/^(?:import|export)\b.*$/gm) ?? [];
  return statements.length > 0 && statements.every((one) => /^export\b[^;]*\bfrom\b/.test(one));
}

/** Too long a file, as a line, or null. */
export function tooLong(path: string, text: string): string | null {
  const lines = text.split('\n').length - 1;
  if (lines <= LONGEST_FILE || has(GENERATED, path) || path in LONGER) return null;
  return `${path} has ${lines} lines; over ${LONGEST_FILE} it asks to be two`;
}
