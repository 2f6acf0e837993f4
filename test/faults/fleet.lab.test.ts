import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, fleet } from './fleet.js';

const HOSTS = 4;
const EACH = 2;
let ships: Fleet;

beforeAll(async () => {
  ships = await fleet(HOSTS, EACH);
});
afterAll(() => ships.dispose());

// The same with 20 hosts and 5 modules on each: npm run bench -- fleet.
describe('X-7 a fleet', () => {
  it('one call for all of them: 9, and the table is true for each', async () => {
    await ships.want('1');
    const all = ships.lab.hosts.flatMap(({ name }) => ships.modules(name));
    const applied = await ships.apply(all);
    expect(applied.exit, applied.said).toBe(9);
    expect(applied.results.map((result) => result.outcome)).toEqual(all.map(() => 'applied'));
    expect(await ships.lies(applied)).toEqual([]);
  });

  it('X-5: one host dies in the middle: unknown (15), the others are applied, nothing is told that is not so', async () => {
    await ships.want('2', 'host2');
    const all = ships.lab.hosts.flatMap(({ name }) => ships.modules(name));
    const applied = await ships.apply(all, 'host2');
    expect(applied.exit, applied.said).toBe(15);
    const outcomes = Object.fromEntries(applied.results.map((result) => [result.module, result.outcome]));
    const [one, two] = ships.modules('host2') as [string, string];
    expect(outcomes).toEqual({
      ...Object.fromEntries(all.map((id) => [id, 'applied'])),
      [one]: 'applied',
      [two]: 'unknown',
    });
    expect(await ships.lies(applied)).toEqual([]);
  });
});
