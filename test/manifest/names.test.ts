import { describe, expect, it } from 'vitest';
import type { ServiceModule } from '../../src/manifest/model.js';
import { inDependencyOrder, modulesNamed } from '../../src/manifest/names.js';

const graph = (edges: Record<string, readonly string[]>): ReadonlyMap<string, ServiceModule> =>
  new Map(Object.entries(edges).map(([id, dependsOn]) => [id, { id, dependsOn } as unknown as ServiceModule]));

const MODULES = graph({
  vpn: ['server'],
  server: ['database', 'cache', 'migrate'],
  cache: [],
  migrate: ['database'],
  database: [],
  other: [],
});
const STACKS = new Map([['immich', ['vpn', 'server', 'cache', 'migrate', 'database']]]);
const named = (...names: string[]): string[] => modulesNamed({ modules: MODULES, stacks: STACKS }, names);

describe("M-9, P-1 a stack's name stands for its modules in dependency order", () => {
  it.each<[string[], string[]]>([
    [['immich'], ['database', 'cache', 'migrate', 'server', 'vpn']],
    [
      ['other', 'immich'],
      ['other', 'database', 'cache', 'migrate', 'server', 'vpn'],
    ],
    [
      ['vpn', 'immich', 'immich'],
      ['vpn', 'database', 'cache', 'migrate', 'server'],
    ],
    [
      ['server', 'database'],
      ['server', 'database'],
    ],
    [['nothing'], ['nothing']],
    [[], []],
  ])('%j', (names, ids) => {
    expect(named(...names)).toEqual(ids);
  });
});

describe('dependency order', () => {
  it('is stable, and holds through modules that were not asked for', () => {
    expect(inDependencyOrder(MODULES, ['other', 'vpn', 'database'])).toEqual(['other', 'database', 'vpn']);
    expect(inDependencyOrder(MODULES, ['vpn', 'cache'])).toEqual(['cache', 'vpn']);
    expect(inDependencyOrder(graph({ b: [], a: [], c: [] }), ['b', 'a', 'c'])).toEqual(['b', 'a', 'c']);
  });

  it('a circle, an unknown module and a chain of 10,000 end', () => {
    expect(inDependencyOrder(graph({ a: ['b'], b: ['a'] }), ['a', 'b'])).toEqual(['b', 'a']);
    expect(inDependencyOrder(graph({ a: ['gone'] }), ['a'])).toEqual(['a']);
    const chain = graph(Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`m${at}`, [`m${at + 1}`]])));
    const ids = [...chain.keys()];
    expect(inDependencyOrder(chain, ids)).toEqual([...ids].reverse());
  });
});
