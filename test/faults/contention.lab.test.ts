import { describe, expect, it } from 'vitest';
import { contend } from './contention.js';

// The same with 50 contenders and 200 rounds each: npx tsx test/faults/contention.ts
describe('X-6 one lock, many who want it, killed and stopped at random', () => {
  it('never two holders, and never a lock that nobody holds and nobody gets', async () => {
    const { taken, killed, stopped, wrong } = await contend(8, 12, 7);
    expect(wrong).toEqual([]);
    expect(taken).toBeGreaterThan(10);
    expect(killed).toBeGreaterThan(0);
    expect(stopped).toBeGreaterThan(0);
  });
});
