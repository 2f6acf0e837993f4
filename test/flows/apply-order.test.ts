import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder, type Placed } from '../../src/flows/apply-order.js';

interface Result {
  readonly module: string;
  readonly outcome: 'applied' | 'failed' | 'skipped' | 'interrupted';
  readonly cause: string | null;
}

const item = (module: string, host = 'a', after: readonly string[] = []): Placed => ({ plan: { module, host }, after });

/** Runs all with a moment of work each; tells what began and ended, in order. */
function watched(failing: ReadonlySet<string> = new Set(), signal: { stop: boolean } = { stop: false }) {
  const events: string[] = [];
  const going = new Map<string, string>();
  let most = 0;
  return {
    events,
    most: () => most,
    rules: (parallel = 10, keepGoing = false) => ({
      parallel,
      keepGoing,
      run: async ({ plan: { module, host } }: Placed): Promise<Result> => {
        expect([...going.values()], 'one at a time on a host').not.toContain(host);
        going.set(module, host);
        most = Math.max(most, going.size);
        events.push(`+${module}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
        going.delete(module);
        events.push(`-${module}`);
        return { module, outcome: failing.has(module) ? 'failed' : 'applied', cause: null };
      },
      good: (result: Result) => result.outcome === 'applied',
      skip: ({ plan: { module } }: Placed, cause: Result | null): Result => ({
        module,
        outcome: cause === null ? 'interrupted' : 'skipped',
        cause: cause?.module ?? null,
      }),
      interrupted: () => signal.stop,
    }),
  };
}
const outcomes = (results: readonly Result[]): string[] => results.map((one) => `${one.module} ${one.outcome}`);

describe('X-7 the order of several plans', () => {
  it('hosts in parallel, never more than were asked for; modules of one host one after the other', async () => {
    const items = ['a', 'b', 'c', 'd'].flatMap((host) => [1, 2].map((n) => item(`${host}${n}`, host)));
    const one = watched();
    await inOrder(items, one.rules());
    expect(one.most()).toBe(4);
    const two = watched();
    await inOrder(items, two.rules(2));
    expect(two.most()).toBe(2);
  });

  it('what depends on another starts when that one ended, also on another host', async () => {
    const seen = watched();
    const results = await inOrder([item('server', 'a', ['db']), item('db', 'b')], seen.rules());
    expect(seen.events).toEqual(['+db', '-db', '+server', '-server']);
    expect(
      results.map((one) => one.module),
      'results are in the order that was asked for',
    ).toEqual(['server', 'db']);
  });

  it('a failure stops the rest; what is going is seen through', async () => {
    const seen = watched(new Set(['bad']));
    const results = await inOrder(
      [item('bad', 'a'), item('next', 'a'), item('other', 'b'), item('later', 'b')],
      seen.rules(),
    );
    expect(outcomes(results)).toEqual(['bad failed', 'next skipped', 'other applied', 'later skipped']);
    expect(results[1]?.cause).toBe('bad');
  });

  it('--keep-going: a failure stops only what depends on it, through others too', async () => {
    const seen = watched(new Set(['db']));
    const results = await inOrder(
      [item('db', 'a'), item('web', 'a', ['api']), item('api', 'b', ['db']), item('cache', 'a')],
      seen.rules(10, true),
    );
    expect(outcomes(results)).toEqual(['db failed', 'web skipped', 'api skipped', 'cache applied']);
  });

  it('X-9: nothing new is started after an interruption', async () => {
    const signal = { stop: false };
    const seen = watched(new Set(), signal);
    const rules = seen.rules();
    const results = await inOrder([item('one'), item('two')], {
      ...rules,
      run: async (placed) => {
        signal.stop = true;
        return rules.run(placed);
      },
    });
    expect(outcomes(results)).toEqual(['one applied', 'two interrupted']);
  });

  it('an error of ours ends the call after what is still going', async () => {
    const seen = watched();
    const rules = seen.rules();
    const all = inOrder([item('one', 'a'), item('two', 'b'), item('three', 'b')], {
      ...rules,
      run: (placed) => (placed.plan.module === 'one' ? Promise.reject(new TypeError('ours')) : rules.run(placed)),
    });
    await expect(all).rejects.toThrow('ours');
    expect(seen.events).toEqual(['+two', '-two']);
  });

  it('a circle is refused before anything runs', async () => {
    const seen = watched();
    const all = inOrder([item('a', 'a', ['b']), item('b', 'a', ['a']), item('c')], seen.rules());
    await expect(all).rejects.toMatchObject({ code: 'PCTL-DEPENDS-CIRCLE', exit: 3 });
    expect(seen.events).toEqual([]);
  });

  it('whatever fails: nothing runs before what it depends on is applied, every plan has one result', async () => {
    const calls = fc.array(
      fc.record({ host: fc.integer({ min: 0, max: 3 }), after: fc.array(fc.nat(9)), fails: fc.boolean() }),
      { minLength: 1, maxLength: 10 },
    );
    await fc.assert(
      fc.asyncProperty(calls, fc.boolean(), fc.integer({ min: 1, max: 4 }), async (rows, keepGoing, parallel) => {
        const items = rows.map(({ host, after }, index) =>
          item(
            `m${index}`,
            `h${host}`,
            after.filter((one) => one < index).map((one) => `m${one}`),
          ),
        );
        const seen = watched(new Set(rows.flatMap(({ fails }, index) => (fails ? [`m${index}`] : []))));
        const results = await inOrder(items, seen.rules(parallel, keepGoing));
        expect(results.map((one) => one.module)).toEqual(items.map((one) => one.plan.module));
        const applied = new Set(results.filter((one) => one.outcome === 'applied').map((one) => one.module));
        for (const one of items) {
          const began = seen.events.indexOf(`+${one.plan.module}`);
          if (began < 0) continue;
          for (const id of one.after) {
            expect(applied).toContain(id);
            expect(seen.events.indexOf(`-${id}`)).toBeLessThan(began);
          }
        }
        if (!keepGoing) return;
        for (const [index, { fails }] of rows.entries()) {
          const needs = items[index]?.after.every((id) => applied.has(id));
          expect(results[index]?.outcome).toBe(needs ? (fails ? 'failed' : 'applied') : 'skipped');
        }
      }),
      { numRuns: 200 },
    );
  });
});
