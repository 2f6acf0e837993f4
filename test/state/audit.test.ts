import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEntry, auditLine, checkChain, headOf } from '../../src/state/audit.js';

const TIME = '2026-11-24T12:00:00Z';
const entry = (n: number) => ({
  run_id: `run-${n}`,
  who: 'alice@laptop',
  module: 'web',
  event: 'apply',
  outcome: 'applied',
  digest: 'a'.repeat(64),
});

function chain(length: number): string[] {
  const lines: string[] = [];
  for (let n = 1; n <= length; n += 1) lines.push(auditLine(lines.at(-1) ?? null, TIME, entry(n)));
  return lines;
}
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (lines: readonly string[]): Uint8Array => encode(lines.map((line) => `${line}\n`).join(''));
const codes = (lines: readonly string[], heads: { seq: number; hash: string }[] = []) =>
  checkChain(text(lines), heads).problems.map((problem) => problem.code);
const head = (line: string | undefined) => headOf(line ?? '') as { seq: number; hash: string };

describe('R-6 audit chain', () => {
  it('a chain that was only appended to has no problem', () => {
    const lines = chain(5);
    expect(checkChain(text(lines), [head(lines[4]), head(lines[2])])).toEqual({
      lines: 5,
      problems: [],
      head: head(lines[4]),
    });
    expect(JSON.parse(lines[0] as string)).toMatchObject({ seq: 1, prev: '0'.repeat(64) });
  });

  it('finds a changed byte, wherever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.nat(), (at, offset) => {
        const lines = chain(4);
        const line = lines[at] as string;
        const index = offset % line.length;
        const other = line[index] === 'x' ? 'y' : 'x';
        lines[at] = line.slice(0, index) + other + line.slice(index + 1);
        expect(codes(lines, [head(chain(4)[3])]).length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });

  it('finds a removed line, two swapped lines, an added one', () => {
    const lines = chain(4);
    expect(codes([lines[0], lines[2], lines[3]] as string[])).toContain('PCTL-AUDIT-PREV');
    expect(codes([lines[0], lines[2], lines[1], lines[3]] as string[])).toContain('PCTL-AUDIT-SEQ');
    expect(codes([...lines.slice(0, 2), 'not a line', ...lines.slice(2)] as string[])).toContain('PCTL-AUDIT-LINE');
  });

  it('finds a cut tail by a head that was seen, and a rewritten chain', () => {
    const lines = chain(4);
    expect(codes(lines.slice(0, 2))).toEqual([]);
    expect(codes(lines.slice(0, 2), [head(lines[3])])).toEqual(['PCTL-AUDIT-CUT']);
    const rewritten = [lines[0] as string];
    for (let n = 2; n <= 4; n += 1)
      rewritten.push(auditLine(rewritten.at(-1) ?? null, TIME, { ...entry(n), who: 'mallory' }));
    expect(codes(rewritten)).toEqual([]);
    expect(codes(rewritten, [head(lines[3])])).toEqual(['PCTL-AUDIT-HEAD']);
  });

  it('finds bytes that read like others: no UTF-8, a mark at the start', () => {
    const lines = [auditLine(null, TIME, { ...entry(1), who: 'a\ufffdb' })];
    expect(codes(lines)).toEqual([]);
    const bytes = Buffer.from(text(lines));
    const at = bytes.indexOf(0xef);
    const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]);
    expect(changed.toString()).toBe(bytes.toString());
    expect(checkChain(changed, []).problems.map(({ code }) => code)).toEqual(['PCTL-AUDIT-HASH']);
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]);
    expect(checkChain(marked, []).problems).not.toEqual([]);
  });

  it('a tail that was cut is told once, however many saw it', () => {
    const lines = chain(6);
    expect(
      checkChain(
        text(lines.slice(0, 2)),
        [3, 5, 4].map((at) => head(lines[at])),
      ).problems,
    ).toEqual([{ line: 2, code: 'PCTL-AUDIT-CUT', summary: 'has no line 6, which was seen: its tail was cut' }]);
    expect(codes([], [head(lines[0])])).toEqual(['PCTL-AUDIT-CUT']);
  });

  it('R-4: a last line without a newline is no damage', () => {
    const lines = chain(2);
    expect(checkChain(encode(`${lines.join('\n')}\n{"seq":3,"ti`), []).problems).toEqual([]);
  });

  it('G-4: a run that nobody else agreed to says so, any other says nothing', () => {
    const plan = { module: 'web', kind: 'apply' as const, digest: 'a'.repeat(64) };
    const policy = { ref: 'main', sha: '9'.repeat(40) };
    const run = (...approvedBy: string[]) => ({ id: 'run-1', who: 'alice@laptop', approvedBy, policy });
    expect(auditEntry(plan, run('self:alice@laptop'), 'applied')).toEqual({ ...entry(1), approval: 'self-approved' });
    expect(auditEntry(plan, run('bob@example.net'), 'applied')).toEqual(entry(1));
  });

  it('G-1: a policy that was named by its commit is recorded, and the chain holds with it', () => {
    const sha = '9'.repeat(40);
    const plan = { module: 'web', kind: 'apply' as const, digest: 'a'.repeat(64) };
    const run = { id: 'run-1', who: 'alice@laptop', approvedBy: ['bob@example.net'], policy: { ref: sha, sha } };
    const named = auditEntry(plan, run, 'applied');
    expect(named).toEqual({ ...entry(1), policy: sha });
    const first = auditLine(null, TIME, named);
    expect(codes([first, auditLine(first, TIME, entry(2))])).toEqual([]);
  });
});
