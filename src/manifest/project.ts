import { folderOf } from './paths.js';

export type ProjectSource = 'manifest' | 'compose file' | 'folder name';

/** What compose takes as a project's name (M-11). */
export const PROJECT_NAME = /^[a-z0-9][a-z0-9_-]*$/;

/**
 * A service's compose project and where its name comes from: the manifest, the compose file's `name:`, else the name of the compose file's folder, normalised
 * as compose does it (lower case, other characters dropped, no `-` or `_` in front).
 * @param composeFile the compose file's path on the host (`/opt/platform/core/compose.yaml`): where it lies at the root of remote_root, the folder is remote_root's own
 * @returns name '' where the folder's name has no character that a project may have
 */
export function projectName(
  manifestProject: string | null,
  composeName: string | null,
  composeFile: string,
): { readonly name: string; readonly source: ProjectSource } {
  if (manifestProject !== null) return { name: manifestProject, source: 'manifest' };
  if (composeName !== null) return { name: composeName, source: 'compose file' };
  const folder = folderOf(composeFile);
  const base = folder.slice(folder.lastIndexOf('/') + 1);
  return {
    name: base
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '')
      .replace(/^[_-]+/, ''),
    source: 'folder name',
  };
}
