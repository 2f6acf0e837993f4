import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible, visibleLine, visibleStream } from '../../src/secret/controls.js';

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
    expect(visibleLine('one two three', 10)).toBe('one two ...');
  });
});

describe('O-5 in pieces', () => {
  const streamed = (pieces: readonly Uint8Array[]): string => {
    const stream = visibleStream();
    return pieces.map((piece) => stream.push(piece)).join('') + stream.end();
  };
  const cut = (bytes: Uint8Array, at: readonly number[]): Uint8Array[] => {
    const cuts = [0, ...[...at].sort((a, b) => a - b), bytes.length];
    return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
  };
  const unit = fc.oneof(
    fc.constantFrom(':', '#', '[', '\x1b', '\r', '\n', ' ', '\u202e', '\u{1f600}', '\ufeff'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  );
  const places = fc.array(fc.nat(200), { maxLength: 8 });

  it('wherever it is cut, it is shown as the whole would be', () => {
    fc.assert(
      fc.property(fc.string({ unit }), places, (text, at) => {
        const bytes = new TextEncoder().encode(text);
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
        expect(streamed(cut(bytes, at))).toBe(visible(whole));
      }),
    );
  });

  it('invalid UTF-8 breaks nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), places, (bytes, at) => {
        expect(streamed(cut(bytes, at))).toBe(visible(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)));
      }),
    );
  });

  it('a finished line is shown at once, an unfinished one is held until it is too long', () => {
    const stream = visibleStream();
    const push = (text: string): string => stream.push(new TextEncoder().encode(text));
    expect(push('one\ntw')).toBe('one\n');
    expect(push('o\n')).toBe('two\n');
    expect(push('x'.repeat(1_000_000)).length).toBeGreaterThan(900_000);
  });

  it.each([...Array(6).keys()])('a runner command is broken where a line without end is cut, too (%i)', (shift) => {
    for (const attack of ['##[command]', '::error::', '\u{1f600}##[x]']) {
      const text = 'x'.repeat(64 * 1024 - shift) + attack.repeat(20) + 'y'.repeat(70_000);
      const shown = streamed([new TextEncoder().encode(text)]);
      expect(shown).not.toMatch(/^[ \t]*::|##\[|\ufffd/m);
      expect(shown.replaceAll(/[: #]/g, '')).toBe(text.replaceAll(/[: #]/g, ''));
    }
  });
});
