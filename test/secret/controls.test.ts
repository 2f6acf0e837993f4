import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible, visibleLine } from '../../src/secret/controls.js';

describe('O-5 hostile output is shown, never obeyed', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['\x1bP1$q\x1b\\', '\\x1bP1$q\\x1b\\'],
    ['\u009b2J', '\\x9b2J'],
    ['50%\r100%', '50%\\x0d100%'],
    ['a\r\nb\tc', 'a\nb\tc'],
    ['::set-output name=x::y', ': :set-output name=x::y'],
    ['  ::error::no', '  : :error::no'],
    ['a ::b::', 'a ::b::'],
    ['x ##[command]rm', 'x # #[command]rm'],
    ['admin\u202etxt.exe', 'admin<U+202E>txt.exe'],
    ['zero\u200bwidth\ufeff', 'zero<U+200B>width<U+FEFF>'],
    ['tag\u{e0041}', 'tag<U+E0041>'],
    ['half \ud800 pair', 'half \ufffd pair'],
  ])('%j', (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it('nothing that acts is left, whatever comes in, and a second pass changes nothing', () => {
    const hostile = fc.string({
      unit: fc.oneof(
        fc.constantFrom(':', '#', '[', '\x1b', '\r', '\n', ' ', '\u202e', '\u200d', '\x9b'),
        fc.string({ unit: 'binary', maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = visible(text);
        expect(shown).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/,
        );
        expect(shown).not.toMatch(/^[ \t]*::|##\[/m);
        expect(visible(shown)).toBe(shown);
      }),
    );
  });

  it('a line stays one line', () => {
    expect(visibleLine('a\nb\tc')).toBe('a\\nb\\tc');
    expect(visibleLine('x'.repeat(50), 10)).toBe(`${'x'.repeat(10)}...`);
  });
});
