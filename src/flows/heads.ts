/** What this checkout remembers of audit chains, its own and those of hosts (R-6). Never a reason to fail (R-4). */
import type { World } from '../ports.js';
import { headDocument, readHeads, withSeen } from '../record/heads.js';
import type { Head } from '../state/audit.js';
import { unlessRefused } from './unless-refused.js';

/** Of a document that is full, and a little more. */
const DOCUMENT_MAX = 128 * 1024;

/** null: the chain of the checkout itself. */
type Chain = string | null;

const headPath = (root: string, chain: Chain): string =>
  `${root}/.platform/state/heads/${chain === null ? 'checkout' : `host.${chain}`}.json`;

/** The heads of a chain that were seen here since it was last found whole. */
export async function rememberedHeads(world: World, root: string, chain: Chain): Promise<Head[]> {
  const bytes = await world.files.read(headPath(root, chain), DOCUMENT_MAX);
  return bytes === null ? [] : readHeads(bytes);
}

/** Remembers these heads too. None that was seen before goes: that the chain has it no more is what `audit verify` tells. */
export async function rememberHeads(world: World, root: string, chain: Chain, heads: readonly Head[]): Promise<void> {
  await unlessRefused(WHAT, async () => {
    const before = await rememberedHeads(world, root, chain);
    const known = new Set(before.map(({ seq }) => seq));
    const fresh = heads.filter(({ seq }) => !known.has(seq));
    if (fresh.length > 0) await write(world, root, chain, withSeen(before, fresh));
  });
}

/** Of a chain that was found whole its head stands for all before it. */
export async function rememberWhole(world: World, root: string, chain: Chain, head: Head): Promise<void> {
  await unlessRefused(WHAT, () => write(world, root, chain, [head]));
}

const WHAT = 'what was seen of an audit chain';

const write = (world: World, root: string, chain: Chain, heads: readonly Head[]): Promise<void> =>
  world.files.write(headPath(root, chain), new TextEncoder().encode(headDocument(chain, heads)));
