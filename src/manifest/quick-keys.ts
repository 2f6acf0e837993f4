/**
 * The keys of a mapping in a YAML text, told from its lines alone: for completion, which must not load a parser (C-6). What this does not understand it passes over;
 * nothing is decided by it.
 */

const KEY = /^( *)(?:"([^"\\]+)"|'([^']+)'|([A-Za-z0-9_.][A-Za-z0-9_.-]*)) *:(?: +(.*))?$/;

export interface QuickKey {
  readonly key: string;
  /** What stands in the lines of its value, as written. */
  readonly text: string;
}

/** @param path `['spec', 'services']`; the first from the left edge of the file */
export function quickKeys(text: string, path: readonly string[]): QuickKey[] {
  let lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  for (const name of path) {
    const found = entries(lines).find(({ key }) => key === name);
    if (!found) return [];
    if (/^\{/.test(found.inline)) return name === path.at(-1) ? flowKeys([found.inline, ...found.lines].join(' ')) : [];
    lines = found.lines;
  }
  return entries(lines).map((entry) => ({ key: entry.key, text: [entry.inline, ...entry.lines].join('\n') }));
}

interface Entry {
  readonly key: string;
  readonly inline: string;
  readonly lines: string[];
}

/** The entries of a block mapping: keys at the indentation of the first one, and the deeper lines beneath each. */
function entries(lines: readonly string[]): Entry[] {
  const found: Entry[] = [];
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0;
  for (const line of lines) {
    const match = KEY.exec(line.trimEnd());
    const deep = /^ */.exec(line)?.[0].length ?? 0;
    if (deep < indent) break;
    if (deep > indent || !match) found.at(-1)?.lines.push(line);
    else found.push({ key: (match[2] ?? match[3] ?? match[4]) as string, inline: match[5] ?? '', lines: [] });
  }
  return found;
}

/** Keys of `{a: {}, b: {c: 1}}`, quotes and nesting seen. */
function flowKeys(text: string): QuickKey[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let part = '';
  for (const character of text) {
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (depth === 0 || (depth === 1 && quote === '' && character === ',')) {
      parts.push(part);
      part = '';
      if (depth === 0) break;
    } else if (!(depth === 1 && character === '{' && part === '')) part += character;
  }
  return parts.flatMap((one) => {
    const match = /^\s*["']?([A-Za-z0-9_.][A-Za-z0-9_.-]*)["']?\s*(?::\s*([\s\S]*))?$/.exec(one);
    return match ? [{ key: match[1] as string, text: match[2] ?? '' }] : [];
  });
}
