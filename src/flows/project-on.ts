import { parseCompose } from '../compose/file.js';
import type { Platform, ServiceModule } from '../manifest/model.js';
import { projectName } from '../manifest/project.js';
import type { Status } from '../manifest/types.js';
import { onHost } from '../plan/files.js';

/** The compose project of a module as its host knows it; of one that was never applied as its manifest, or its compose file's folder, says. */
export function projectOn(platform: Platform, module: ServiceModule, status: Status | null): string {
  if (typeof status?.project === 'string') return status.project;
  const host = platform.hosts.get(module.host);
  const path = onHost({ repoRoot: host?.repoRoot ?? '' }, module.composeFile) ?? module.composeFile;
  return projectName(module.project, null, `${host?.remoteRoot ?? ''}/${path}`).name;
}

/** A module with the project that its compose file's `name:` gives, where its manifest gives none. `read`: bytes of files of the commit. */
export async function withProject(
  module: ServiceModule,
  read: (paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>,
): Promise<ServiceModule> {
  if (module.project !== null) return module;
  const bytes = (await read([module.composeFile])).get(module.composeFile);
  const parsed = bytes && parseCompose(bytes, module.composeFile);
  return parsed?.ok ? { ...module, project: parsed.file.name } : module;
}
