/** The forms in which a known secret can leave (O-2), as bytes: a string here holds one byte a character (latin1). */
import { visible } from './controls.js';

/** Shorter secrets are in too much innocent text to be masked. Bytes. */
const SHORTEST = 6;
/** Of a longer secret (a whole file) only the lines are looked for. Bytes. */
const LONGEST_WHOLE = 64 * 1024;
const MOST_LINES = 2000;

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/**
 * Every form of `value` that is looked for: as it is, trimmed, each of its lines, JSON-escaped in the ways of JavaScript, Go, Python and PHP (once and twice),
 * URI and form encoded in both cases of hex, base64 and base64url at the three byte offsets, and as `visible` shows it. Each has at least SHORTEST bytes.
 * Empty where the trimmed value is shorter.
 */
export function formsOf(value: string): readonly string[] {
  if (Buffer.byteLength(value.trim(), 'utf8') < SHORTEST) return [];
  const forms = new Set<string>();
  const lines = value.split(/\r\n|\n|\r/).slice(0, MOST_LINES);
  const whole = Buffer.byteLength(value, 'utf8') <= LONGEST_WHOLE;
  const plain = new Set(whole ? [value, value.trim(), value.replaceAll('\r\n', '\n')] : []);
  for (const line of lines) plain.add(line).add(line.trim());
  for (const text of plain) {
    if (Buffer.byteLength(text.trim(), 'utf8') < SHORTEST) continue;
    for (const form of [text, visible(text), ...jsonForms(text), ...uriForms(text)]) forms.add(bytes(form));
    for (const form of base64Forms(text)) forms.add(form);
  }
  return [...forms].filter((form) => form.length >= SHORTEST);
}

function jsonForms(text: string): readonly string[] {
  const inner = (s: string) => JSON.stringify(s).slice(1, -1);
  const unicode = (s: string, upper: boolean, which: RegExp) =>
    s.replace(which, (c) => {
      const digits = c.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${upper ? digits.toUpperCase() : digits}`;
    });
  const javascript = inner(text);
  const variants = new Set([javascript]);
  for (const slashes of [javascript, javascript.replaceAll('/', '\\/')]) {
    variants.add(slashes);
    for (const upper of [false, true]) {
      variants.add(unicode(slashes, upper, /[\u007f-\uffff]/g));
      // Go escapes these so that JSON can stand in HTML; docker writes its JSON with Go.
      variants.add(unicode(slashes, upper, /[<>&\u2028\u2029]/g));
      variants.add(unicode(slashes, upper, /[<>&'\u007f-\uffff]/g));
    }
  }
  for (const once of [...variants]) variants.add(inner(once));
  return [...variants];
}

function uriForms(text: string): readonly string[] {
  const component = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
  const strict = component.replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const withSlash = component.replaceAll('%2F', '/');
  const all = [component, strict, withSlash].flatMap((form) => [form, form.replaceAll('%20', '+')]);
  return all.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (c) => c.toLowerCase())]);
}

/** The characters of a base64 text that depend on nothing but the secret, for each place (mod 3) at which it can begin in what is encoded. */
function base64Forms(text: string): readonly string[] {
  const raw = Buffer.from(text, 'utf8');
  const forms: string[] = [];
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(offset), raw]).toString('base64');
    const core = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + raw.length) * 8) / 6));
    forms.push(core, core.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}
