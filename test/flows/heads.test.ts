/** What a checkout remembers of an audit chain from command to command. */
import { expect, it } from 'vitest';
import { rememberedHeads, rememberHeads, rememberWhole } from '../../src/flows/heads.js';
import type { World } from '../../src/ports.js';

const head = (seq: number) => ({ seq, hash: seq.toString(16).padStart(64, '0') });

it('R-6 of more heads than are kept the first and the newest are; once the chain was found whole, its head alone', async () => {
  const kept = new Map<string, Uint8Array>();
  const files = {
    read: async (path: string) => kept.get(path) ?? null,
    write: async (path: string, bytes: Uint8Array) => void kept.set(path, bytes),
  };
  const world = { files } as unknown as World;
  for (let seq = 1; seq <= 520; seq++) await rememberHeads(world, '/repo', 'nas', [head(seq)]);
  const seen = await rememberedHeads(world, '/repo', 'nas');
  expect([seen.length, seen[0], seen.at(-1)]).toEqual([500, head(1), head(520)]);
  expect(await rememberedHeads(world, '/repo', null)).toEqual([]);
  await rememberWhole(world, '/repo', 'nas', head(520));
  expect(await rememberedHeads(world, '/repo', 'nas')).toEqual([head(520)]);
});
