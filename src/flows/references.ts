/** What a person typed where modules or their kept plans are wanted: a stack's name stands for its modules (M-9, P-1). */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID } from '../exits.js';
import type { Wanted } from '../manifest/model.js';
import { modulesNamed } from '../manifest/names.js';
import type { Git, World } from '../ports.js';
import { gatherWanted } from './wanted.js';

/**
 * Plan files and ids as they are, a stack's name as the ids of its modules in dependency order, each once. Which modules a stack has is read from HEAD's commit,
 * never from the work tree (M-4); nothing is read where no reference can be a stack's name.
 */
export async function planReferences(
  world: Pick<World, 'workTree'>,
  git: Git,
  references: readonly string[],
): Promise<string[]> {
  if (!references.some((reference) => STACK_NAME.test(reference))) return [...new Set(references)];
  const { sha } = await git.head();
  const paths = new Set((await git.tree(sha)).map((entry) => entry.path));
  if (!references.some((reference) => paths.has(`modules/${reference}/stack.yaml`))) return [...new Set(references)];
  const { wanted } = await gatherWanted(world, git, { sha });
  return modulesNamed(wanted, references);
}

const STACK_NAME = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/;

/** Ids in a message before the rest is left out. */
const MAX_NAMED = 20;

/**
 * The modules that names of a call stand for, those of a stack in dependency order.
 * @param besides names that the caller knows something about
 * @throws PlatformError PCTL-MODULE-UNKNOWN (3)
 */
export function askedModules(
  wanted: Pick<Wanted, 'modules' | 'stacks'>,
  names: readonly string[],
  besides: (name: string) => boolean = () => false,
): string[] {
  const ids = modulesNamed(wanted, names);
  const unknown = ids.filter((id) => !wanted.modules.has(id) && !besides(id));
  if (unknown.length === 0) return ids;
  const known = [...wanted.stacks.keys(), ...wanted.modules.keys()].sort();
  throw new PlatformError({
    code: 'PCTL-MODULE-UNKNOWN',
    exit: EXIT_INVALID,
    summary: `no module ${unknown.join(', ')}`,
    hint: `modules here: ${known.slice(0, MAX_NAMED).join(', ') || 'none'}`,
  });
}
