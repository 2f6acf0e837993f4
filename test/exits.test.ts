import { describe, expect, it } from 'vitest';
import * as exits from '../src/exits.js';
import { EXITS, type ExitCode, worstExit } from '../src/exits.js';

// The order of 7-cli, worst first, written out once more: the table in src must not be its own measure.
const WORST_FIRST: readonly ExitCode[] = [12, 15, 16, 7, 11, 130, 2, 3, 4, 5, 6, 14, 13, 8, 10, 9, 1, 0];

describe('the exit table (7-cli)', () => {
  it('has every code once, with a name and a meaning of its own', () => {
    expect(EXITS.map((row) => row.code)).toEqual([...Array(17).keys(), 130]);
    expect(new Set(EXITS.map((row) => row.name)).size).toBe(EXITS.length);
    expect(new Set(EXITS.map((row) => row.meaning)).size).toBe(EXITS.length);
    for (const row of EXITS) expect(row.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
  });

  it('has a constant for each row, called like it', () => {
    const constants = Object.entries(exits).filter(([name]) => name.startsWith('EXIT_'));
    expect(Object.fromEntries(constants)).toEqual(
      Object.fromEntries(EXITS.map((row) => [`EXIT_${row.name.toUpperCase()}`, row.code])),
    );
  });

  it('orders severity as the spec does', () => {
    const bySeverity = [...EXITS].sort((a, b) => b.severity - a.severity).map((row) => row.code);
    expect(bySeverity).toEqual(WORST_FIRST);
    expect(new Set(EXITS.map((row) => row.severity)).size).toBe(EXITS.length);
  });

  it('takes the worst of any two, in either order', () => {
    for (const [i, worse] of WORST_FIRST.entries()) {
      for (const better of WORST_FIRST.slice(i)) {
        expect(worstExit([worse, better])).toBe(worse);
        expect(worstExit([better, worse])).toBe(worse);
      }
    }
  });

  it('is 0 for no results', () => {
    expect(worstExit([])).toBe(0);
  });
});
