/** What this checkout remembers of audit chains, its own and those of hosts (R-6). Never a reason to fail (R-4). */
import { PlatformError } from '../errors.js';
import type { World } from '../ports.js';
import { headDocument, newest, readHead } from '../record/heads.js';
import type { Head } from '../state/audit.js';

const HEAD_MAX = 4096;

/** null: the chain of the checkout itself. */
type Chain = string | null;

const headPath = (root: string, chain: Chain): string =>
  `${root}/.platform/state/heads/${chain === null ? 'checkout' : `host.${chain}`}.json`;

/** The newest head of a chain that was seen here. */
export async function rememberedHead(world: World, root: string, chain: Chain): Promise<Head | null> {
  const bytes = await world.files.read(headPath(root, chain), HEAD_MAX);
  return bytes && readHead(bytes);
}

/** Remembers the newest of these heads. One that was seen before is kept where it is newer: that the chain has it no more is what `audit verify` tells. */
export async function rememberHeads(world: World, root: string, chain: Chain, heads: readonly Head[]): Promise<void> {
  try {
    const before = await rememberedHead(world, root, chain);
    const best = newest([...(before ? [before] : []), ...heads]);
    if (best === null || best === before) return;
    await world.files.write(headPath(root, chain), new TextEncoder().encode(headDocument(chain, best)));
  } catch (error) {
    // A checkout that cannot be written, as in CI, remembers nothing.
    if (!(error instanceof PlatformError)) throw error;
  }
}
