/** The nearest known word, for suggestions (M-2). */

/** Longer words are not compared: a suggestion for them helps nobody and costs time. */
const LONGEST = 64;
/** More changed letters are another word, however long it is. */
const CHANGES_MAX = 4;
/** Comparisons of one `suggester`: thousands of unknown words among thousands of known ones would take minutes. */
const COMPARISONS_MAX = 50_000;

/** The candidate with the fewest changed letters, where that is few enough to be a typing mistake; null: none. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > LONGEST) return null;
  let best: string | null = null;
  let fewest = Math.min(CHANGES_MAX, Math.max(1, Math.floor(word.length / 3))) + 1;
  const typed = word.toLowerCase();
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= fewest || candidate.length > LONGEST) continue;
    const changed = distance(typed, candidate.toLowerCase(), fewest);
    if (changed < fewest) {
      fewest = changed;
      best = candidate;
    }
  }
  return best;
}

/** `nearest` for many words among the same candidates, each word once; after too much work it has no more suggestions (M-5). */
export function suggester(candidates: ReadonlySet<string>): (word: string) => string | null {
  const known = new Map<string, string | null>();
  let left = COMPARISONS_MAX;
  return (word) => {
    const before = known.get(word);
    if (before !== undefined) return before;
    left -= candidates.size;
    // The first word is always worth its work.
    if (left < 0 && known.size > 0) return null;
    const found = nearest(word, candidates);
    known.set(word, found);
    return found;
  };
}

/** Levenshtein distance in which two swapped neighbours count once; `enough` where it is that or more. */
function distance(a: string, b: string, enough: number): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    // Further off the diagonal than `enough` no way can be short enough.
    const from = Math.max(1, i - enough);
    const to = Math.min(b.length, i + enough);
    const row = new Array<number>(b.length + 1).fill(enough);
    row[0] = i;
    let least = from === 1 ? i : enough;
    for (let j = from; j <= to; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row[j] = cost;
      least = Math.min(least, cost);
    }
    if (least >= enough) return enough;
    before = last;
    last = row;
  }
  return Math.min(enough, last[b.length]!);
}
