/** The nearest known word, for suggestions (M-2). */

/** Longer words are not compared: a suggestion for them helps nobody and costs time. */
const LONGEST = 64;

/** The candidate with the fewest changed letters, where that is few enough to be a typing mistake; null: none. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > LONGEST) return null;
  let best: string | null = null;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= fewest || candidate.length > LONGEST) continue;
    const changed = distance(word.toLowerCase(), candidate.toLowerCase());
    if (changed < fewest) {
      fewest = changed;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein distance in which two swapped neighbours count once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
