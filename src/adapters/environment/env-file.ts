/** The text of an env file as names and values: `NAME=value`, `export NAME=value`, single and double quotes, comments. Nothing is expanded. */

export interface EnvLine {
  readonly name: string;
  readonly value: string;
}

const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/** The last of several lines with one name wins. Lines that are no assignment are passed over; `unread` counts them. */
export function parseEnvFile(text: string): { readonly lines: readonly EnvLine[]; readonly unread: number } {
  const lines = new Map<string, string>();
  let unread = 0;
  const rows = text.replace(/^\ufeff/, '').split(/\r?\n/);
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    if (/^\s*(#|$)/.test(row)) continue;
    const [, name, first] = LINE.exec(row) ?? [];
    if (name === undefined || first === undefined) {
      unread++;
      continue;
    }
    let rest = first.trimStart();
    const quote = rest[0];
    if (quote !== '"' && quote !== "'") {
      lines.set(name, rest.replace(/\s+#.*$/, '').trimEnd());
      continue;
    }
    // A quoted value, such as a key in PEM, goes on over lines until its quote closes.
    let end = closing(rest, quote);
    while (end === -1 && at + 1 < rows.length) {
      rest += `\n${rows[++at]!}`;
      end = closing(rest, quote);
    }
    if (end === -1) {
      unread++;
      break;
    }
    const inner = rest.slice(1, end);
    lines.set(name, quote === "'" ? inner : inner.replace(/\\([nrt"\\$])/g, (_, letter: string) => ESCAPES[letter]!));
  }
  return { lines: [...lines].map(([name, value]) => ({ name, value })), unread };
}

function closing(text: string, quote: string): number {
  for (let at = 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}
