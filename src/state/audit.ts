/** Audit chains: making a line, and finding what is wrong with a chain. Pure. */
import { createHash } from 'node:crypto';
import type { Plan } from '../manifest/types.js';

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
}

export function auditEntry(
  { module, kind, digest }: Pick<Plan, 'module' | 'kind' | 'digest'>,
  run: { readonly id: string; readonly who: string; readonly approvedBy: readonly string[] },
  outcome: string,
): AuditEntry {
  const self = run.approvedBy.some((who) => who.startsWith('self:'));
  const approval = self ? { approval: 'self-approved' as const } : {};
  return { run_id: run.id, who: run.who, module, event: kind, outcome, digest, ...approval };
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

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface Line extends Head {
  readonly prev: string;
}

/** A line's own words; null where it is no line of a chain. */
function readLine(text: string): (Line & { readonly computed: string }) | null {
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
    computed: digest(text.slice(0, match.index)),
  };
}

/** The middle of a line: the host adds seq, time, prev and hash. */
export const auditMiddle = (entry: AuditEntry): string => JSON.stringify(entry).slice(1, -1);

/** The next line of a chain, without its newline. `last`: the line before, null for the first. */
export function auditLine(last: string | null, time: string, entry: AuditEntry): string {
  const before = last === null ? null : readLine(last);
  const body = JSON.stringify({ seq: (before?.seq ?? 0) + 1, time, ...entry, prev: before?.hash ?? ZERO }).slice(0, -1);
  return `${body},"hash":"${digest(body)}"}`;
}

/**
 * Everything that is wrong with a chain. `heads`: what status documents and mirrors remember of it; one that the chain does not have means that it
 * was cut or rewritten. A last line without a newline is no damage.
 */
export function checkChain(text: string, heads: readonly Head[]): { lines: number; problems: ChainProblem[] } {
  const problems: ChainProblem[] = [];
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole === '' ? [] : whole.slice(0, -1).split('\n');
  const seen = new Map<number, string>();
  let prev = ZERO;
  let seq = 0;
  lines.forEach((line, index) => {
    const number = index + 1;
    const read = readLine(line);
    if (!read) {
      problems.push({ line: number, code: 'PCTL-AUDIT-LINE', summary: 'is not a line of an audit chain' });
      seq += 1;
      return;
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
    seen.set(read.seq, read.hash);
  });
  for (const head of heads) {
    const hash = seen.get(head.seq);
    if (hash === undefined)
      problems.push({
        line: lines.length,
        code: 'PCTL-AUDIT-CUT',
        summary: `ends before line ${head.seq}, which was seen: its tail was cut`,
      });
    else if (hash !== head.hash)
      problems.push({
        line: head.seq,
        code: 'PCTL-AUDIT-HEAD',
        summary: 'is not the line that was seen under this number: the chain was rewritten',
      });
  }
  return { lines: lines.length, problems };
}
