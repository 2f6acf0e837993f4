/** A dozen rounds of test/faults/kill-rounds.ts; 200 of them take hours: `npx tsx test/faults/kill-rounds.ts --rounds 200`. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, startLab } from '../lab/lab.js';
import { killRounds } from './kill-rounds.js';

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.stop());

it('X-5, X-6, X-12, R-3, R-4: killed with -9 at random moments, no run leaves a lie, a lock or a process', {
  timeout: 1_800_000,
}, async () => {
  const seed = Date.now() % 1_000_000;
  const { rounds } = await killRounds(lab, { rounds: 12, seed });
  const problems = rounds.flatMap((round) =>
    round.problems.map((problem) => `seed ${seed} round ${round.number}: ${problem}`),
  );
  expect(problems).toEqual([]);
  expect(rounds).toHaveLength(12);
});
