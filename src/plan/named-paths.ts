/** Paths as a compose file names them, relative to its own folder. */
import type { References } from '../compose/model.js';
import type { ServiceModule } from '../manifest/model.js';
import { folderOf, joinRepoPath } from '../manifest/paths.js';

/** A named path with variables in it is known once the host's compose resolved it; until then it is passed over. A `$` that is none is refused (G-7). */
export const hasDollar = (text: string): boolean => text.includes('$');

/** Repo paths, files or folders, that a module's compose file names for it, wherever they lie; without those that only the host's compose can resolve. */
export function namedPaths({ composeFile }: Pick<ServiceModule, 'composeFile'>, references: References): string[] {
  return [...references.envFiles, ...references.files]
    .filter(({ path }) => !path.startsWith('/') && !hasDollar(path))
    .map(({ path }) => joinRepoPath(folderOf(composeFile), path) ?? '')
    .filter((path) => path !== '');
}
