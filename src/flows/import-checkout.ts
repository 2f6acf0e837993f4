/** What the checkout has already, held against what an import would bring. */
import type { HostConfig, ServiceModule } from '../manifest/model.js';
import { inRepo } from '../plan/files.js';
import type { World } from '../ports.js';
import { quote } from '../quote.js';
import type { NewFile } from './import-judge.js';
import type { Obstacle } from './import-projects.js';
import { projectOn, withProject } from './project-on.js';
import type { Gathered } from './wanted.js';

const MODULE_ID = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/;

/** Finds the module of the repo that is a service of a host; null: none is. `composeFile`: beneath remote_root, null where a label names none. */
export type ModuleOf = (project: string, service: string, composeFile: string | null) => string | null;

export async function modulesOn(gathered: Gathered, host: HostConfig): Promise<ModuleOf> {
  const { modules, platform } = gathered.wanted;
  const declared = [...modules.values()].filter((module) => module.host === host.name);
  const bytes = await gathered.read([...new Set(declared.map(({ composeFile }) => composeFile))]);
  const here: (ServiceModule & { readonly project: string })[] = [];
  for (const module of declared)
    here.push({ ...module, project: projectOn(platform, await withProject(module, async () => bytes), null) });
  return (project, service, composeFile) => {
    const path = composeFile === null ? null : inRepo(host, composeFile);
    const found = here.find(
      (module) => module.service === service && (module.project === project || module.composeFile === path),
    );
    return found?.id ?? null;
  };
}

/** The project's name, with the host's where modules/ has one such already; null: both are taken. */
export function stackName(
  gathered: Gathered,
  project: string,
  host: string,
  taken: ReadonlySet<string>,
): string | null {
  const there = new Set([...taken].map((name) => name.toLowerCase()));
  for (const path of gathered.entries.keys()) {
    const [top, folder, ...rest] = path.split('/');
    if (top === 'modules' && folder !== undefined && rest.length > 0) there.add(folder.toLowerCase());
  }
  const names = [project, `${project}-${host}`.replace(/[^a-zA-Z0-9_-]/g, '-')];
  return names.find((name) => MODULE_ID.test(name) && !there.has(name.toLowerCase())) ?? null;
}

/** The id of a service's module: what M-9 gives it, or the nearest that an id can be. */
export function moduleId(stack: string, service: string): string {
  const id = `${stack}-${service}`;
  return MODULE_ID.test(id) ? id : id.replace(/[^a-zA-Z0-9_-]/g, '-').slice(0, 63);
}

/** A file that is there with other bytes: it is never replaced, so what it stands for cannot be brought in. */
export async function otherBytes(
  world: World,
  root: string,
  files: ReadonlyMap<string, NewFile>,
): Promise<Obstacle | null> {
  for (const [path, { bytes }] of files) {
    const there = await world.workTree?.read(root, path, 64 * 1024 * 1024);
    if (there && Buffer.compare(there, bytes) !== 0)
      return {
        why: `${path} is in this checkout with other bytes than on the host`,
        fix: `compare them; where the host's are right, git rm -- ${quote(path)} and import again`,
      };
  }
  return null;
}
