/** The secrets that platformctl was given, looked for in all their forms (O-2). */
import { formsOf } from './forms.js';
import type { Range } from './patterns.js';
import type { Secret } from './secret.js';

export interface Known {
  /** false: it is under SHORTEST bytes and cannot be masked. */
  add(secret: Secret): boolean;
  /** Bytes of the longest form, 0 for none. */
  longest(): number;
  /** Every occurrence that begins before `limit`, the longest at each place, in order. */
  ranges(text: string, limit: number): readonly Range[];
  /** Where the earliest beginning of a form of several lines stands that `text` ends in the middle of; text.length for none. */
  unfinished(text: string): number;
}

export function createKnown(): Known {
  const forms = new Set<string>();
  let several: readonly string[] = [];
  let longest = 0;
  let pattern: RegExp | null = null;

  const compile = (): RegExp => {
    const sorted = [...forms].sort((a, b) => b.length - a.length);
    pattern = new RegExp(sorted.map((form) => form.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('|'), 'g');
    return pattern;
  };

  return {
    add(secret) {
      const added = formsOf(secret.reveal());
      for (const form of added) {
        forms.add(form);
        longest = Math.max(longest, form.length);
      }
      several = [...forms].filter((form) => /[\r\n]/.test(form));
      pattern = null;
      return added.length > 0;
    },
    longest: () => longest,
    ranges(text, limit) {
      if (forms.size === 0) return [];
      const search = pattern ?? compile();
      const found: Range[] = [];
      search.lastIndex = 0;
      for (let m = search.exec(text); m && m.index < limit; m = search.exec(text)) {
        found.push({ from: m.index, start: m.index, end: m.index + m[0].length });
        // The next may begin inside this one: "overlaps merged".
        search.lastIndex = m.index + 1;
      }
      return found;
    },
    unfinished(text) {
      let first = text.length;
      for (const form of several) {
        for (let i = Math.max(0, text.length - form.length + 1); i < first; i++) {
          if (text.charCodeAt(i) === form.charCodeAt(0) && form.startsWith(text.slice(i))) first = i;
        }
      }
      return first;
    },
  };
}
