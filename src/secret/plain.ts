/** Secrets that somebody wrote into a file, by their look (O-3). */
import { MASK, patternRanges } from './patterns.js';

/** What compose takes from elsewhere; with a default it is a value. */
const VARIABLE = /\$?(?:\$\{[A-Za-z_]\w*(?::?[?+][^}\r\n]{0,1024}|:?-)?\}|\$[A-Z_][A-Z0-9_]*\b)/g;
/** Masks, also behind a name, with options that are no secret after them; a switch, or what a command will say. */
const NO_VALUE =
  /^["']?(?:(?:[^:"']*:)?(?:\*{3})+(?:,(?![^"']*(?:pass|pwd|secret|token|cred))[^"']*)?|true|false|yes|no|on|off|null|none|\$\(.*|)["']?[ \t,;]*$/i;

/** The lines, from 1, in which a file holds a secret in plain. */
export function plainSecrets(bytes: Uint8Array): readonly number[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').replace(VARIABLE, MASK);
  const lines = new Set<number>();
  let at = 0;
  let line = 1;
  for (const { start, end } of [...patternRanges(text)].sort((a, b) => a.start - b.start)) {
    if (NO_VALUE.test(text.slice(start, Math.min(end, start + 1024)))) continue;
    for (let next = text.indexOf('\n', at); next >= 0 && next < start; next = text.indexOf('\n', at)) {
      at = next + 1;
      line++;
    }
    lines.add(line);
  }
  return [...lines];
}
