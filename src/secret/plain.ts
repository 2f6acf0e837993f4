/** Secrets that somebody wrote into a file, by their look (O-3). */
import { MASK, namesSecret, patternRanges } from './patterns.js';

/** What compose takes from elsewhere; with a default it is a value. */
const VARIABLE = /\$?(?:\$\{[A-Za-z_]\w*(?::?[?+][^}\r\n]{0,1024}|:?-)?\}|\$[A-Z_][A-Z0-9_]*\b)/g;
/** Masks, also behind a name, with options that are no secret after them; a switch, or what a command will say. */
const NO_VALUE =
  /^["']?(?:(?:[^:"']*:)?(?:\*{3})+(?:,(?![^"']*(?:pass|pwd|secret|token|cred))[^"']*)?|true|false|yes|no|on|off|null|none|\$\(.*|)["']?[ \t,;]*$/i;

/** Hashes of passwords: crypt(5), with the dollars doubled as compose wants them, and those of htpasswd and LDAP. */
const HASH =
  /\${1,2}(?:1|2[abxy]?|5|6|7|y|gy|apr1|md5|sha1|scrypt|argon2(?:id|i|d)|pbkdf2[a-z0-9-]{0,16})\${1,2}[A-Za-z0-9./+=,$-]{8,512}|\{(?:SSHA|SHA|SMD5|CRYPT|PBKDF2)[0-9-]{0,8}\}[A-Za-z0-9./+=$]{8,512}/g;
/** `requirepass VALUE`, as servers' own files have it. Not whatever ends with `pass`: `proxy_pass` is where a request goes. */
const DIRECTIVE =
  /(?<=^[ \t]{0,64}(?:requirepass|masterauth|[A-Za-z_-]{0,64}(?:password|passwd|passphrase|secret))[ \t]{1,64})(?:"[^"\r\n]{1,1024}"|[^ \t\r\n:=;"]{1,1024})(?=;?[ \t]*\r?$)/gim;
/** The first line of a YAML block, with its key. */
const BLOCK =
  /^[ \t-]{0,256}["']?([A-Za-z0-9_.-]{1,128})["']?[ \t]{0,16}:[ \t]{1,16}[|>][0-9+-]{0,2}[ \t]{0,16}\r?\n(?:[ \t]{0,256}\r?\n){0,64}[ \t]{1,256}/gm;

interface Found {
  readonly start: number;
  readonly end: number;
}

const matches = (rule: RegExp, text: string): Found[] =>
  [...text.matchAll(rule)].map(({ index, 0: found }) => ({ start: index, end: index + found.length }));

/** The first line of each YAML block whose key names a secret. */
function* blocks(text: string): Generator<Found> {
  for (const found of text.matchAll(BLOCK)) {
    const start = found.index + found[0].length;
    const end = text.indexOf('\n', start);
    if (namesSecret(found[1] as string)) yield { start, end: end < 0 ? text.length : end };
  }
}

/** The lines, from 1, in which a file holds a secret in plain; what output seldom has, and the redactor therefore does not look for, included. */
export function plainSecrets(bytes: Uint8Array): readonly number[] {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const text = whole.replace(VARIABLE, MASK);
  // Hashes before variables are taken out, for an upper-case salt looks like one. No variable goes over the end of a line, so lines are the same in both.
  const lines = [
    ...linesOf(whole, matches(HASH, whole)),
    ...linesOf(text, [...patternRanges(text), ...matches(DIRECTIVE, text), ...blocks(text)]),
  ];
  return [...new Set(lines)].sort((a, b) => a - b);
}

function* linesOf(text: string, ranges: readonly Found[]): Generator<number> {
  let at = 0;
  let line = 1;
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    if (NO_VALUE.test(text.slice(start, Math.min(end, start + 1024)))) continue;
    for (let next = text.indexOf('\n', at); next >= 0 && next < start; next = text.indexOf('\n', at)) {
      at = next + 1;
      line++;
    }
    yield line;
  }
}
