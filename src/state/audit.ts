/** Audit chains: making a line, and finding what is wrong with a chain. Pure. */
import { createHash } from 'node:crypto';
import type { Plan } from '../manifest/types.js';
import type { Run } from './status.js';

const ZERO = '0'.repeat(64);

/** What became of a run: its line without what makes it one of a chain. */
export interface AuditEntry {
  readonly run_id: string;
  readonly who: string;
  readonly module: string;
  readonly event: string;
  readonly outcome: string;
  readonly digest: string;
  /** In mode `self` nobody else agreed, and the record says so (G-4). */
  readonly approval?: 'self-approved';
  /** The commit that judged, where it was named by its SHA: the remote was not asked where its branch is (G-1). */
  readonly policy?: string;
}

export function auditEntry(
  { module, kind, digest }: Pick<Plan, 'module' | 'kind' | 'digest'>,
  run: Pick<Run, 'id' | 'who' | 'approvedBy' | 'policy'>,
  outcome: string,
): AuditEntry {
  const self = run.approvedBy.some((who) => who.startsWith('self:'));
  const approval = self ? { approval: 'self-approved' as const } : {};
  const policy = run.policy.ref === run.policy.sha ? { policy: run.policy.sha } : {};
  return { run_id: run.id, who: run.who, module, event: kind, outcome, digest, ...approval, ...policy };
}

export interface Head {
  readonly seq: number;
  readonly hash: string;
}

export interface ChainProblem {
  /** From 1. */
  readonly line: number;
  readonly code:
    | 'PCTL-AUDIT-LINE'
    | 'PCTL-AUDIT-HASH'
    | 'PCTL-AUDIT-PREV'
    | 'PCTL-AUDIT-SEQ'
    | 'PCTL-AUDIT-CUT'
    | 'PCTL-AUDIT-HEAD';
  readonly summary: string;
}

const HASH = /,"hash":"([0-9a-f]{64})"\}$/;

const digest = (text: string, encoding: 'utf8' | 'latin1'): string =>
  createHash('sha256').update(text, encoding).digest('hex');

interface Line extends Head {
  readonly prev: string;
}

/** A line's own words; null where it is no line of a chain. `latin1`: a character is a byte, so that no two lines read alike. */
function readLine(text: string, encoding: 'utf8' | 'latin1'): (Line & { readonly computed: string }) | null {
  const match = HASH.exec(text);
  if (!match) return null;
  let data: { seq?: unknown; prev?: unknown };
  try {
    data = JSON.parse(text) as typeof data;
  } catch {
    return null;
  }
  if (!Number.isSafeInteger(data.seq) || typeof data.prev !== 'string') return null;
  return {
    seq: data.seq as number,
    prev: data.prev,
    hash: match[1] as string,
    computed: digest(text.slice(0, match.index), encoding),
  };
}

/** The middle of a line: the host adds seq, time, prev and hash. */
export const auditMiddle = (entry: AuditEntry): string => JSON.stringify(entry).slice(1, -1);

/** The next line of a chain, without its newline. `last`: the line before, null for the first. */
export function auditLine(last: string | null, time: string, entry: AuditEntry): string {
  const before = last === null ? null : readLine(last, 'utf8');
  const body = JSON.stringify({ seq: (before?.seq ?? 0) + 1, time, ...entry, prev: before?.hash ?? ZERO }).slice(0, -1);
  return `${body},"hash":"${digest(body, 'utf8')}"}`;
}

/** The head of a chain that ends with this line. */
export function headOf(line: string): Head | null {
  const read = readLine(line, 'utf8');
  return read && { seq: read.seq, hash: read.hash };
}

/** The whole lines of a chain, a character a byte: as text of its encoding, bytes that are no UTF-8 would all read alike. A last line without a newline is none. */
function* wholeLines(bytes: Uint8Array): Generator<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, end = buffer.indexOf(10); end >= 0; at = end + 1, end = buffer.indexOf(10, at))
    yield buffer.toString('latin1', at, end);
}

export interface ChainCheck {
  readonly lines: number;
  readonly problems: readonly ChainProblem[];
  /** null: it has no line. */
  readonly head: Head | null;
}

/** As many as a person could look at: a chain that is wrong as a whole is not told line by line. */
const MAX_PROBLEMS = 1000;

/**
 * Everything that is wrong with a chain. `heads`: what status documents and this checkout remember of it; one that the chain does not have means that it
 * was cut or rewritten.
 */
export function checkChain(bytes: Uint8Array, heads: readonly Head[]): ChainCheck {
  const problems: ChainProblem[] = [];
  const wanted = new Set(heads.map((head) => head.seq));
  const seen = new Map<number, string>();
  let prev = ZERO;
  let seq = 0;
  let number = 0;
  let highest = 0;
  for (const line of wholeLines(bytes)) {
    number += 1;
    const read = readLine(line, 'latin1');
    if (!read) {
      problems.push({ line: number, code: 'PCTL-AUDIT-LINE', summary: 'is not a line of an audit chain' });
      seq += 1;
      continue;
    }
    if (read.hash !== read.computed)
      problems.push({ line: number, code: 'PCTL-AUDIT-HASH', summary: `was changed: its bytes do not give its hash` });
    if (read.prev !== prev)
      problems.push({
        line: number,
        code: 'PCTL-AUDIT-PREV',
        summary: 'does not follow the line before: one is missing, added or swapped',
      });
    if (read.seq !== seq + 1)
      problems.push({ line: number, code: 'PCTL-AUDIT-SEQ', summary: `has number ${read.seq}, expected ${seq + 1}` });
    seq = read.seq;
    prev = read.hash;
    highest = Math.max(highest, seq);
    if (wanted.has(read.seq)) seen.set(read.seq, read.hash);
  }
  // One that is missing before the end was told above.
  const lost = Math.max(0, ...heads.map((head) => head.seq));
  if (lost > highest)
    problems.push({
      line: number,
      code: 'PCTL-AUDIT-CUT',
      summary: `has no line ${lost}, which was seen: its tail was cut`,
    });
  for (const head of new Map(heads.map((one) => [`${one.seq} ${one.hash}`, one])).values()) {
    if (seen.has(head.seq) && seen.get(head.seq) !== head.hash)
      problems.push({
        line: head.seq,
        code: 'PCTL-AUDIT-HEAD',
        summary: 'is not the line that was seen under this number: the chain was rewritten',
      });
  }
  return { lines: number, problems: problems.slice(0, MAX_PROBLEMS), head: number === 0 ? null : { seq, hash: prev } };
}
