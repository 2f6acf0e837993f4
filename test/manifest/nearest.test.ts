import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, suggester } from '../../src/manifest/nearest.js';
import { processorTime } from '../processor.js';
import { load, moduleText } from './samples.js';

function edited(word: string, [at, edit]: [number, string]): string {
  const [before, here, next] = [word.slice(0, at), word[at] ?? '', word[at + 1] ?? ''];
  if (edit === 'drop') return before + word.slice(at + 1);
  if (edit === 'double') return before + here + word.slice(at);
  return edit === 'swap' ? before + next + here + word.slice(at + 2) : `${before}0${word.slice(at + 1)}`;
}

function plainDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]![j] = Math.min(
        rows[i - 1]![j]! + 1,
        rows[i]![j - 1]! + 1,
        rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return rows[a.length]![b.length]!;
}

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

  it('agrees with the plain distance, which looks at every cell', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-'), minLength: 12, maxLength: 16 });
    const edit = fc.tuple(fc.nat(15), fc.constantFrom('drop', 'double', 'swap', 'other'));
    fc.assert(
      fc.property(word, fc.array(edit, { maxLength: 6 }), (candidate, edits) => {
        const typed = edits.reduce(edited, candidate);
        const most = Math.min(4, Math.max(1, Math.floor(typed.length / 3)));
        expect(nearest(typed, [candidate])).toBe(plainDistance(typed, candidate) <= most ? candidate : null);
      }),
      { numRuns: 2_000 },
    );
  });

  it('M-5 thousands of unknown words among thousands of ids end in time', () => {
    const ids = new Set(Array.from({ length: 5_000 }, (_, at) => `service-number-${at}-of-many`));
    const suggest = suggester(ids);
    const took = processorTime();
    expect(suggest('service-nubmer-17-of-many')).toBe('service-number-17-of-many');
    for (let at = 0; at < 5_000; at++) suggest(`serwice-numbre-${at}-af-mony`);
    expect(suggest('service-nubmer-17-of-many')).toBe('service-number-17-of-many');
    expect(took()).toBeLessThan(5_000);
  });

  it('M-5 1,000 modules that each depend on an unknown one: every problem, and the first with a suggestion', () => {
    const name = (at: number) => `service-number-${at}-of-many`;
    const modules = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, at) => [
        `modules/${name(at)}/module.yaml`,
        moduleText(name(at), `  depends_on: [serwice-number-${at}-of-many]\n`),
      ]),
    );
    const took = processorTime();
    const { problems } = load(modules);
    expect(took()).toBeLessThan(10_000);
    expect(problems.filter(({ code }) => code === 'PCTL-DEPENDS-UNKNOWN')).toHaveLength(1_000);
    expect(problems[0]?.hint).toBe('did you mean service-number-0-of-many?');
  });
});
