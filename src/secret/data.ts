/** Data for stdout: JSON is redacted value by value, so that it stays JSON whatever its strings hold, and what acts in it is escaped (O-5); anything else as text. */
import { inertJson } from './controls.js';
import { namesSecret } from './patterns.js';
import type { Redactor } from './redactor.js';

/** A mask may make what stands beside it look like a value: again, until nothing changes. */
const ROUNDS = 5;

/**
 * `text` redacted, so that a second time changes nothing. Where nothing is to be masked it comes back as it is; else a JSON document, or
 * lines of them, is written again with its own indentation.
 */
export function redactData(redactor: Redactor, text: string): string {
  const data = redacted(redactor, text);
  return JSON_START.test(text) ? inertJson(data) : data;
}

const JSON_START = /^[[{]/;

function redacted(redactor: Redactor, text: string): string {
  let before = text;
  for (let round = 0; round < ROUNDS; round++) {
    const after = redactOnce(redactor, before);
    if (after === before) return after;
    before = after;
  }
  return before;
}

function redactOnce(redactor: Redactor, text: string): string {
  const whole = redactor.text(text);
  if (whole === text || !JSON_START.test(text)) return whole;
  const document = redactDocument(redactor, text);
  if (document !== null) return document;
  const lines = text.split('\n').map((line) => (line === '' ? '' : redactDocument(redactor, line)));
  return lines.includes(null) ? whole : lines.join('\n');
}

function redactDocument(redactor: Redactor, text: string): string | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const indent = /^[[{]\n( +)/.exec(text)?.[1]?.length ?? 0;
  return JSON.stringify(masked(redactor, value, ''), null, indent) + (text.endsWith('\n') ? '\n' : '');
}

function masked(redactor: Redactor, value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(redactor, item, name));
  if (typeof value === 'string') return value !== '' && namesSecret(name) ? '***' : redactor.text(value);
  if (typeof value === 'number') return namesSecret(name) ? '***' : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [redactor.text(key), masked(redactor, member, key)]),
  );
}
