import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, suggester } from '../../src/manifest/nearest.js';

import { load, moduleText } from './samples.js';

describe('the nearest word (M-2)', () => {
  it.each([
    ['wep', ['api', 'web'], 'web'],
    ['immich-sevrer', ['immich-server', 'immich-redis'], 'immich-server'],
    ['Web', ['web'], 'web'],
    ['protectd', ['protected', 'project'], 'protected'],
    ['ab', ['ba'], 'ba'],
    ['web', ['database', ''], null],
    ['service-number-17', ['service-somewhere-else'], null],
    ['x'.repeat(65), ['x'.repeat(64)], null],
    ['', ['a'], 'a'],
  ])('%s among %j: %s', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  it('finds what up to four changes made of a long word', () => {
    const letters = 'abcdefghijklmnop-qrstuvwxyz';
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(letters.length - 1), fc.constantFrom('drop', 'double', 'swap', 'other')), {
          maxLength: 4,
        }),
        (edits) => {
          let word = letters;
          for (const [at, edit] of edits) {
            const here = word[at] ?? '';
            const next = word[at + 1] ?? '';
            if (edit === 'drop') word = word.slice(0, at) + word.slice(at + 1);
            else if (edit === 'double') word = word.slice(0, at) + here + word.slice(at);
            else if (edit === 'swap') word = word.slice(0, at) + next + here + word.slice(at + 2);
            else word = `${word.slice(0, at)}0${word.slice(at + 1)}`;
          }
          expect(nearest(word, ['something-else', letters])).toBe(letters);
        },
      ),
    );
  });

  it('M-5 thousands of unknown words among thousands of ids end in time', () => {
    const ids = new Set(Array.from({ length: 5_000 }, (_, at) => `service-number-${at}-of-many`));
    const suggest = suggester(ids);
    const start = performance.now();
    expect(suggest('service-nubmer-17-of-many')).toBe('service-number-17-of-many');
    for (let at = 0; at < 5_000; at++) suggest(`serwice-numbre-${at}-af-mony`);
    expect(suggest('service-nubmer-17-of-many')).toBe('service-number-17-of-many');
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it('M-5 1,000 modules that each depend on an unknown one: every problem, and the first with a suggestion', () => {
    const name = (at: number) => `service-number-${at}-of-many`;
    const modules = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, at) => [
        `modules/${name(at)}/module.yaml`,
        moduleText(name(at), `  depends_on: [serwice-number-${at}-of-many]\n`),
      ]),
    );
    const start = performance.now();
    const { problems } = load(modules);
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(problems.filter(({ code }) => code === 'PCTL-DEPENDS-UNKNOWN')).toHaveLength(1_000);
    expect(problems[0]?.hint).toBe('did you mean service-number-0-of-many?');
  });
});
