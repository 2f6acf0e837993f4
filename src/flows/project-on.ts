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
