import { describe, expect, it } from 'vitest';
import { headDocument, headsIn, readHeads, readHeadWords, withSeen } from '../../src/record/heads.js';
import { auditLine, checkChain, type Head, headOf } from '../../src/state/audit.js';

const hash = (letter: string): string => letter.repeat(64);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('R-6 heads that were seen', () => {
  it('of two with one number the first stays: the other was written over it', () => {
    const seen = { seq: 4, hash: hash('a') };
    const earlier = { seq: 3, hash: hash('c') };
    expect(withSeen([], [])).toEqual([]);
    expect(withSeen([seen], [{ seq: 4, hash: hash('b') }, earlier])).toEqual([earlier, seen]);
  });

  it('are kept within a bound: the first of all, and the newest', () => {
    const many = Array.from({ length: 700 }, (_, index) => ({ seq: index + 1, hash: hash('a') }));
    const kept = withSeen(many.slice(0, 600), many.slice(600));
    expect(kept).toHaveLength(500);
    expect([kept[0]?.seq, kept[1]?.seq, kept.at(-1)?.seq]).toEqual([1, 202, 700]);
    expect(headDocument('nas', kept).length).toBeLessThan(64 * 1024);
  });

  it('survive being written and read; what is none is none', () => {
    const heads = [
      { seq: 5, hash: hash('b') },
      { seq: 7, hash: hash('a') },
    ];
    expect(readHeads(bytes(headDocument('nas', heads)))).toEqual(heads);
    // As it was written before there was more than one.
    expect(readHeads(bytes(`{"schema_version":"1.0","host":null,"seq":7,"hash":"${hash('a')}"}`))).toEqual([heads[1]]);
    for (const bad of ['', 'null', '[]', '{"seq":0}', `{"seq":1.5,"hash":"${hash('a')}"}`, '{"earlier":[null,1]}'])
      expect(readHeads(bytes(bad))).toEqual([]);
    expect(readHeadWords(bytes(`7 ${hash('a')}\n`))).toEqual(heads[1]);
    for (const bad of ['', '7', `x ${hash('a')}`, `7 ${hash('g')}`, `1e13 ${hash('a')}`])
      expect(readHeadWords(bytes(bad))).toBeNull();
  });

  it('tell of a chain that was cut and grew again, whatever its length is by now', () => {
    const entry = { run_id: 'r', who: 'w', module: 'm', event: 'apply', outcome: 'applied', digest: 'd' };
    const grow = (lines: readonly string[], to: number, who: string): string[] => {
      const all = [...lines];
      while (all.length < to) all.push(auditLine(all.at(-1) ?? null, '2026-01-01T00:00:00Z', { ...entry, who }));
      return all;
    };
    const first = grow([], 10, 'a');
    let remembered: Head[] = [];
    for (const line of first) remembered = withSeen(remembered, [headOf(line) as Head]);
    for (const length of [8, 9, 10, 11, 40]) {
      const now = grow(first.slice(0, 7), length, 'b');
      // What an apply sees: the line that it added.
      remembered = withSeen(remembered, [headOf(now.at(-1) as string) as Head]);
      expect(checkChain(bytes(`${now.join('\n')}\n`), remembered).problems).not.toEqual([]);
    }
  });

  it('stand at the end of status documents, nowhere else', () => {
    const end = (seq: number): string => `...,"audit":{"seq":${seq},"hash":"${hash('a')}"}}\n`;
    expect(headsIn(end(3) + end(9)).map(({ seq }) => seq)).toEqual([3, 9]);
    expect(headsIn(`{"x":{"audit":{"seq":5,"hash":"${hash('a')}"}},"y":1}\n`)).toEqual([]);
  });
});
