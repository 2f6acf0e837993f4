import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditEntry, auditLine, checkChain } from '../../src/state/audit.js';

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
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const codes = (lines: readonly string[], heads: { seq: number; hash: string }[] = []) =>
  checkChain(text(lines), heads).problems.map((problem) => problem.code);
const headOf = (line: string | undefined) => {
  const data = JSON.parse(line ?? '{}') as { seq: number; hash: string };
  return { seq: data.seq, hash: data.hash };
};

describe('R-6 audit chain', () => {
  it('a chain that was only appended to has no problem', () => {
    const lines = chain(5);
    expect(checkChain(text(lines), [headOf(lines[4]), headOf(lines[2])])).toEqual({ lines: 5, problems: [] });
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
        expect(codes(lines, [headOf(chain(4)[3])]).length).toBeGreaterThan(0);
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
    expect(codes(lines.slice(0, 2), [headOf(lines[3])])).toEqual(['PCTL-AUDIT-CUT']);
    const rewritten = [lines[0] as string];
    for (let n = 2; n <= 4; n += 1)
      rewritten.push(auditLine(rewritten.at(-1) ?? null, TIME, { ...entry(n), who: 'mallory' }));
    expect(codes(rewritten)).toEqual([]);
    expect(codes(rewritten, [headOf(lines[3])])).toEqual(['PCTL-AUDIT-HEAD']);
  });

  it('R-4: a last line without a newline is no damage', () => {
    const lines = chain(2);
    expect(checkChain(`${text(lines)}{"seq":3,"ti`, []).problems).toEqual([]);
  });

  it('G-4: a run that nobody else agreed to says so, any other says nothing', () => {
    const plan = { module: 'web', kind: 'apply' as const, digest: 'a'.repeat(64) };
    const run = (...approvedBy: string[]) => ({ id: 'run-1', who: 'alice@laptop', approvedBy });
    expect(auditEntry(plan, run('self:alice@laptop'), 'applied')).toEqual({ ...entry(1), approval: 'self-approved' });
    expect(auditEntry(plan, run('bob@example.net'), 'applied')).toEqual(entry(1));
  });
});
