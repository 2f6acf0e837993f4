import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { code, showMarkdown } from '../../src/views/markdown.js';
import { hostilePlan, immich } from './samples.js';

/** What is left of a line once CommonMark's code spans are taken out: the part in which markup would act. */
function outsideCode(line: string): string {
  let out = '';
  for (let i = 0; i < line.length; ) {
    const fence = /^`+/.exec(line.slice(i))?.[0];
    if (!fence) {
      out += line[i++];
      continue;
    }
    let end = -1;
    for (const run of line.slice(i + fence.length).matchAll(/`+/g)) {
      if (run[0].length === fence.length) {
        end = i + fence.length + run.index + fence.length;
        break;
      }
    }
    if (end < 0) {
      out += fence;
      i += fence.length;
    } else i = end;
  }
  return out;
}

describe('a plan in a pull request', () => {
  it('is a list of facts', async () => {
    await expect(showMarkdown(immich())).toMatchFileSnapshot('golden/markdown.md');
    await expect(showMarkdown(hostilePlan)).toMatchFileSnapshot('golden/markdown-hostile.md');
  });

  it('O-5 a code span holds whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('`', '|', '\\', '<', '@', '\n', '[', ' ', 'x', '\u202e', '*') }),
        (text) => {
          expect(outsideCode(`- ${code(text)} end`)).toBe('-  end');
          expect(code(text)).not.toMatch(/[\n\u202e]/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('O-5 nothing of a manifest stands outside of code', () => {
    for (const line of showMarkdown(hostilePlan).split('\n')) {
      expect(outsideCode(line).replace(/<\/?details>|<\/?summary>/g, '')).not.toMatch(/[<@[|]|evil|script/);
    }
  });
});
