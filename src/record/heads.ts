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

/** schemas/audit-head.schema.json; null where it is something else. */
export function readHead(bytes: Uint8Array): Head | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isHead(value) ? { seq: value.seq, hash: value.hash } : null;
  } catch {
    return null;
  }
}

export const headDocument = (host: string | null, head: Head): string =>
  `${JSON.stringify({ schema_version: '1.0', host, seq: head.seq, hash: head.hash })}\n`;

/** The one with the highest number; of two with the same the first, which was seen first. */
export const newest = (heads: readonly Head[]): Head | null =>
  heads.reduce<Head | null>((best, head) => (best === null || head.seq > best.seq ? head : best), null);

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
