/** The heads of audit chains that this checkout saw: what it remembers of a chain, the chain must still have. Pure. */
import type { Head } from '../state/audit.js';

const SEQ_MAX = 1e12;

const isHead = (value: unknown): value is Head => {
  const head = value as Head | null;
  return (
    typeof head === 'object' &&
    head !== null &&
    Number.isSafeInteger(head.seq) &&
    head.seq >= 1 &&
    head.seq < SEQ_MAX &&
    typeof head.hash === 'string' &&
    /^[0-9a-f]{64}$/.test(head.hash)
  );
};

/** schemas/audit-head.schema.json, by number; none where it is something else. */
export function readHeads(bytes: Uint8Array): Head[] {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as { readonly earlier?: unknown } | null;
    const earlier: unknown[] = Array.isArray(value?.earlier) ? value.earlier : [];
    return [...earlier, value].filter(isHead).map(({ seq, hash }) => ({ seq, hash }));
  } catch {
    return [];
  }
}

/** @param heads by number; one at least */
export function headDocument(host: string | null, heads: readonly Head[]): string {
  const { seq, hash } = heads.at(-1) as Head;
  return `${JSON.stringify({ schema_version: '1.0', host, seq, hash, earlier: heads.slice(0, -1) })}\n`;
}

/** Kept of one chain. One alone would not do: a chain that was cut and grew again has its last line, and not those that were seen before. */
const HEADS_MAX = 500;

/** What was seen, by number; of two with one number the first, since the other was written over it. Beyond HEADS_MAX the first of all and the newest. */
export function withSeen(before: readonly Head[], seen: readonly Head[]): Head[] {
  const bySeq = new Map<number, Head>();
  for (const head of [...before, ...seen]) if (!bySeq.has(head.seq)) bySeq.set(head.seq, head);
  const all = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
  return all.length > HEADS_MAX ? [...all.slice(0, 1), ...all.slice(1 - HEADS_MAX)] : all;
}

/** The heads in the ends of status documents (talk.sh `heads`). */
export const headsIn = (text: string): Head[] =>
  [...text.matchAll(/"audit":\{"seq":([0-9]{1,12}),"hash":"([0-9a-f]{64})"\}\}$/gm)].map((match) => ({
    seq: Number(match[1]),
    hash: match[2] as string,
  }));

/** What talk.sh says of the line that it added: `SEQ HASH`. */
export function readHeadWords(out: Uint8Array): Head | null {
  const [seq, hash] = new TextDecoder().decode(out).trim().split(' ');
  const head = { seq: Number(seq), hash: hash ?? '' };
  return isHead(head) ? head : null;
}
