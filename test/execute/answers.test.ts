import { describe, expect, it } from 'vitest';
import { readHashes, spoken } from '../../src/execute/answers.js';

const answer = (code: number, err: string, out = '') => ({ code, err, out: new TextEncoder().encode(out) });

describe('P-12 what compose makes of a file', () => {
  it('is refused in its words, and what fails without a word is the host: 7', () => {
    const refused = answer(15, 'services.web must be a mapping');
    expect(readHashes(spoken(refused, 'box'))).toEqual({ why: 'services.web must be a mapping' });
    expect(() => spoken(answer(1, ''), 'box')).toThrow(expect.objectContaining({ code: 'PCTL-HOST-ANSWER', exit: 7 }));
    expect(() => spoken(answer(137, '\n'), 'box')).toThrow(expect.objectContaining({ exit: 7 }));
    const good = answer(0, '', `web ${'a'.repeat(64)}\n`);
    expect(spoken(good, 'box')).toBe(good);
  });
});
