/** Secrets that nobody told us of, found by what stands around them (O-3). Pure; text is latin1, one byte a character, so no class here may be `\s` or `\w`. */
import { SHAPE } from './shapes.js';

/** What stands in a secret's place. As a value it hides nothing more, so that what passes here twice stays what it is. */
export const MASK = '***';

/** What is masked: [start, end). `from` is where the match began, its key included. `bare`: a JSON value without quotes, its mask needs them. */
export interface Range {
  readonly from: number;
  readonly start: number;
  readonly end: number;
  readonly bare?: boolean;
}

const WORD =
  /passw(?:or)?d|passphrase|passwort|passcode|(?<!by|com)pass(?![a-z]|[_-](?:through|thru))|pwd|secret|token|(?:api|access|private|auth|signing|encryption|account|app|master|session)[_-]?key|[_-]auth(?![a-z0-9_-])|authorization|credential|cookie|bearer/gi;
/** What names where a secret is, or of what kind, not the secret. */
const NOT_THE_SECRET = /(?:[_-]?(?:env|file|path|name|type|ttl|dir|ref|policy|changed))$/i;
const AFTER_WORD = /([A-Za-z0-9_-]{0,64})(\\{0,8}["'])?[ \t]{0,16}(?:=>|:=|=|:)[ \t]{0,16}/y;
const AFTER_OPTION = /([A-Za-z0-9-]{0,64})(?:[ \t]{1,16}|["'][ \t]{0,4},[ \t]{0,4})(?![ \t-])/y;
const KEY_BYTE = /[A-Za-z0-9_.-]/;
const QUOTE = /\\{0,8}["']/y;

/** Up to white space or a quote; a backslash only with what it escapes, so that JSON around it stays JSON. */
const BARE = /(?:[^ \t\r\n"'\\]|\\+[^\\"'\r\n])+/y;
const BARE_QUERY = /(?:[^ \t\r\n"'\\&#]|\\+[^\\"'\r\n])+/y;
const BARE_REST = /(?:[^\r\n"'\\]|\\+[^\\"'\r\n])+/y;
const BARE_LINE = /[^\r\n]+/y;
/** To the end of a line that is written `\n` inside a JSON string. */
const BARE_ESCAPED_LINE = /(?:[^"\\\r\n]|\\+[^\\nr"\r\n])+/y;
const BARE_JSON = /[^ \t\r\n"',\][{}]+/y;

function at(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

/** Where the value that begins at `index` ends, and where its inside begins; null: nothing to mask. */
function quoted(text: string, index: number): { start: number; end: number } | null {
  const open = at(QUOTE, text, index)?.[0];
  if (open === undefined) return null;
  const start = index + open.length;
  const mark = open.at(-1) as string;
  const level = open.length - 1;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (c === '\n' || c === '\r') return { start, end: i };
    if (c === '\\') {
      let run = 1;
      while (text[i + run] === '\\') run++;
      const next = text[i + run];
      // Fewer backslashes than inside this level's own escapes, before a quote: the closing one.
      if ((next === mark || next === '"') && run <= level) return { start, end: i };
      i += run;
      if (i < text.length && (text[i] === '\n' || text[i] === '\r')) i--;
    } else if (c === mark) {
      // YAML writes a quote inside single quotes twice.
      if (mark === "'" && i > start && text[i + 1] === mark) i++;
      else return { start, end: i };
    }
  }
  return { start, end: text.length };
}

function members(text: string, found: Range[]): void {
  WORD.lastIndex = 0;
  for (let m = WORD.exec(text); m; m = WORD.exec(text)) {
    const wordEnd = m.index + m[0].length;
    let keyStart = m.index;
    while (keyStart > 0 && m.index - keyStart < 64 && KEY_BYTE.test(text[keyStart - 1] as string)) keyStart--;
    let escapedLineStart = false;
    if (text[keyStart - 1] === '\\' && keyStart < m.index) {
      escapedLineStart = text[keyStart] === 'n' || text[keyStart] === 'r';
      keyStart++;
    }
    const before = text[keyStart - 1] ?? '\n';
    const range = memberValue(text, { keyStart, wordEnd, word: m[0], before, escapedLineStart });
    if (!range) continue;
    found.push(range);
    WORD.lastIndex = Math.max(wordEnd, range.end);
  }
}

interface Key {
  readonly keyStart: number;
  readonly wordEnd: number;
  readonly word: string;
  readonly before: string;
  readonly escapedLineStart: boolean;
}

function memberValue(text: string, key: Key): Range | null {
  const after = at(AFTER_WORD, text, key.wordEnd);
  const option =
    after || text.slice(key.keyStart, key.keyStart + 2) !== '--' ? null : at(AFTER_OPTION, text, key.wordEnd);
  const head = after ?? option;
  if (!head) return null;
  const name = text.slice(key.keyStart, key.wordEnd) + (head[1] ?? '');
  if (NOT_THE_SECRET.test(name) || name === 'PWD' || name === 'OLDPWD') return null;
  // `/etc/passwd: no such file` names a file.
  if (key.before === '/' && key.word.toLowerCase() === 'passwd') return null;
  const index = head.index + head[0].length;
  const wrap = (range: { start: number; end: number } | null): Range | null =>
    range && range.end > range.start ? { from: key.keyStart, ...range } : null;
  const inQuotes = quoted(text, index);
  if (inQuotes) return wrap(inQuotes);
  const plain = (pattern: RegExp) => {
    const value = at(pattern, text, index);
    return wrap(value ? { start: index, end: index + value[0].length } : null);
  };
  if (option) return plain(BARE);
  // A member of JSON: only its strings and numbers are values, its lists and objects are looked into.
  if (head[2] !== undefined) {
    const value = at(BARE_JSON, text, index)?.[0];
    if (value === undefined || value === MASK || /^(?:null|true|false)$/i.test(value)) return null;
    return { from: key.keyStart, start: index, end: index + value.length, bare: head[2] === '"' };
  }
  const colon = head[0].includes(':');
  // `PASS: checks/one.sh`, as test programs write it.
  if (colon && name === 'PASS') return null;
  if (colon && /^(?:secret|token)s$/i.test(name)) return null;
  if (colon && /^[[{|>]/.test(text.slice(index, index + 1))) return null;
  if (/authorization|cookie/i.test(key.word)) return plain(BARE_REST);
  if (!colon) return plain(key.before === '?' || key.before === '&' ? BARE_QUERY : BARE);
  if (key.escapedLineStart) return plain(BARE_ESCAPED_LINE);
  return plain(firstInLine(text, key.keyStart) ? BARE_LINE : BARE);
}

/** YAML and headers: nothing but indentation and list dashes before the key. */
function firstInLine(text: string, keyStart: number): boolean {
  for (let i = keyStart - 1; i >= 0 && keyStart - i < 256; i--) {
    const c = text[i] as string;
    if (c === '\n' || c === '\r') return true;
    if (c !== ' ' && c !== '\t' && c !== '-') return false;
  }
  return keyStart < 256;
}

const USERINFO = /([^ \t\r\n/?#"'<>\\@:]{0,256})(?::([^ \t\r\n"'<>/\\]{0,1024}))?@/y;

/** `scheme://user:password@`; of http and https all of it, since a token may stand in the user's place. */
function userinfo(text: string, found: Range[]): void {
  for (let i = text.indexOf('://'); i >= 0; i = text.indexOf('://', i + 3)) {
    const start = i + 3;
    const m = at(USERINFO, text, start);
    if (!m) continue;
    const end = start + m[0].length - 1;
    const web = /https?$/i.test(text.slice(Math.max(0, i - 5), i));
    const secretStart = web ? start : start + (m[1] ?? '').length + 1;
    if (end > secretStart) found.push({ from: start, start: secretStart, end });
  }
}

const RULES: readonly RegExp[] = [
  SHAPE,
  /(?<=bearer[ \t]{1,4})[A-Za-z0-9._~+/=-]{6,4000}/gi,
  /(?<=[?&;](?:key|sig|signature|code|auth|x-amz-signature|x-amz-security-token|x-amz-credential)=)[^ \t\r\n"'\\&#]+/gi,
  // docker's config.json
  /(?<="auth"[ \t]{0,4}:[ \t]{0,4}")[A-Za-z0-9+/=]{8,4000}/g,
  // A private key on one line, as JSON and env files hold it.
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^"\\\r\n-]|\\[^"\r\n]|-(?!----END ))*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
];

/** Every range that a pattern masks, in no order. No range crosses a line end. */
export function patternRanges(text: string): readonly Range[] {
  const found: Range[] = [];
  members(text, found);
  userinfo(text, found);
  for (const rule of RULES) {
    rule.lastIndex = 0;
    for (let m = rule.exec(text); m; m = rule.exec(text)) {
      // What a look-behind saw belongs to the match.
      found.push({ from: Math.max(0, m.index - 48), start: m.index, end: m.index + m[0].length });
      if (m[0].length === 0) rule.lastIndex++;
    }
  }
  return found;
}

/** A private key's first line, alone on its line: the key goes on in the lines below. */
export const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[ \t]*(?=[\r\n])/g;
export const PEM_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
/** Bytes; longer than PEM_END can be. */
export const PEM_END_MAX = 128;
/** After so many bytes without an end a private key counts as over, so that one stray line cannot swallow a stream. */
export const PEM_MAX = 64 * 1024;

/** Whether a member of this name holds a secret. */
export function namesSecret(name: string): boolean {
  return name.search(WORD) >= 0 && !NOT_THE_SECRET.test(name) && !/^(?:secret|token)s$/i.test(name);
}
