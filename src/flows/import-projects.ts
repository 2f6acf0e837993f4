/** The compose projects of a host, from the labels of its containers: which can be brought into the repo at all. Pure; every label may be a lie. */
import type { ComposeContainer } from '../execute/import.js';
import type { HostConfig } from '../manifest/model.js';
import { isBeneath, normalise, repoPathFlaw, SACRED_NAMES } from '../manifest/paths.js';
import { PROJECT_NAME } from '../manifest/project.js';
import { inRepo } from '../plan/files.js';
import type { ModuleOf } from './import-checkout.js';

export interface FoundService {
  readonly name: string;
  readonly image: string;
  /** Every container of it ended by itself, and well. */
  readonly ended: boolean;
  /** Its labels name files that only a run of platformctl gives compose. */
  readonly managed: boolean;
}

export interface FoundProject {
  readonly project: string;
  readonly services: readonly FoundService[];
  /** Beneath remote_root. */
  readonly composeFile: string;
}

/** Why something cannot be adopted, and what would mend it. */
export interface Obstacle {
  readonly why: string;
  readonly fix: string | null;
}

export interface Impossible extends Obstacle {
  readonly project: string;
  readonly services: readonly string[];
}

/** A service that the repo has a module for, whatever its container was made from. */
export interface Declared {
  readonly project: string;
  readonly service: string;
  readonly module: string;
  readonly managed: boolean;
}

export interface Roots {
  readonly host: HostConfig;
  /** remote_root with links followed: labels may have it so. */
  readonly realRoot: string;
}

/** By project, sorted. */
export function projectsOf(
  containers: readonly ComposeContainer[],
  roots: Roots,
  moduleOf: ModuleOf,
): { found: FoundProject[]; impossible: Impossible[]; declared: Declared[] } {
  const byProject = new Map<string, ComposeContainer[]>();
  for (const container of containers) {
    const members = byProject.get(container.project);
    if (members) members.push(container);
    else byProject.set(container.project, [container]);
  }
  const found: FoundProject[] = [];
  const impossible: Impossible[] = [];
  const declared: Declared[] = [];
  for (const [project, told] of [...byProject].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const members = told.map((container) => withoutOurs(container, roots));
    const modules = new Map<string, string>();
    for (const { service, configFiles } of members) {
      const module = moduleOf(project, service, beneathRoot(configFiles, roots));
      if (module !== null) modules.set(service, module);
    }
    for (const { name, managed } of servicesOf(members)) {
      const module = modules.get(name);
      if (module !== undefined) declared.push({ project, service: name, module, managed });
    }
    // What the repo has already cannot stand in the way of the others.
    const fresh = members.filter(({ service }) => !modules.has(service));
    if (fresh.length === 0) continue;
    const services = servicesOf(fresh);
    const file = composeFileOf(project, fresh, roots);
    if (typeof file === 'string') found.push({ project, services, composeFile: file });
    else impossible.push({ project, services: services.map(({ name }) => name), ...file });
  }
  return { found, impossible, declared };
}

type Container = ComposeContainer & { readonly managed: boolean };

/** What a rollback or a roll back gives compose beside the compose file, or in its place (B-1). */
const IMAGE_OF_RUN = /^\.platform\/runs\/[0-9a-f-]{36}\/go\/(?:override|image)\.json$/;
const FILE_OF_RELEASE = /^\.platform\/releases\/[^/]+\/[0-9a-f]{64}\/tree\/(.+)$/;

/** A container with the compose file that its module has, where a run made it from files of its own. */
function withoutOurs(container: ComposeContainer, roots: Roots): Container {
  const files = container.configFiles.split(',');
  const others = files.flatMap((file) => {
    const beneath = beneathRoot(file, roots) ?? '';
    if (IMAGE_OF_RUN.test(beneath)) return [];
    const kept = FILE_OF_RELEASE.exec(beneath)?.[1];
    return [kept === undefined ? file : `${roots.host.remoteRoot}/${kept}`];
  });
  return { ...container, configFiles: others.join(','), managed: others.join() !== files.join() };
}

function servicesOf(containers: readonly Container[]): FoundService[] {
  const services = new Map<string, FoundService>();
  for (const { service, image, state, exitCode, managed } of containers)
    services.set(service, {
      name: service,
      image,
      ended: state === 'exited' && exitCode === 0 && services.get(service)?.ended !== false,
      managed: managed || services.get(service)?.managed === true,
    });
  return [...services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const one = <T>(values: readonly T[]): T | null => (new Set(values).size === 1 ? (values[0] as T) : null);

/** The one compose file of a project, beneath remote_root, where platformctl would run it as it was run by hand. */
function composeFileOf(project: string, containers: readonly ComposeContainer[], roots: Roots): string | Obstacle {
  if (!PROJECT_NAME.test(project)) return { why: 'its name is none that compose takes', fix: null };
  const label = one(containers.map(({ configFiles }) => configFiles));
  if (label === null)
    return {
      why: 'its containers were made from different compose files',
      fix: `docker compose up -d, once, with the file that is to stay`,
    };
  if (label === '' || label === '-') return { why: 'no label says which compose file it was made from', fix: null };
  if (label.includes(','))
    return {
      why: `it was made from several compose files: ${label}`,
      fix: 'join them into one: docker compose config shows what they come to',
    };
  if (!label.startsWith('/'))
    return {
      why: `an old docker-compose made it: its label has ${label}, not the whole path of the compose file`,
      fix: 'docker compose up -d in the folder of the compose file makes its labels anew, and its containers',
    };
  const beneath = beneathRoot(label, roots);
  if (beneath === null)
    return {
      why: `${label} is not beneath remote_root ${roots.host.remoteRoot}`,
      fix: `move the stack there, or make remote_root of ${roots.host.name} the folder that the stacks lie in`,
    };
  const flaw = repoFlaw(beneath, roots.host);
  if (flaw !== null) return { why: `${label} ${flaw}`, fix: null };
  const folder = label.slice(0, label.lastIndexOf('/'));
  if (containers.some(({ workingDir }) => workingDir !== '' && normalise(workingDir) !== normalise(folder)))
    return {
      why: 'it was made with another --project-directory than the folder of its compose file',
      fix: 'docker compose up -d in the folder of the compose file',
    };
  // /dev/null is what an apply gives a service without a .env.
  const usual = (file: string): boolean => ['', '/dev/null'].includes(file) || normalise(file) === `${folder}/.env`;
  const other = containers.find(({ environmentFile }) => !usual(environmentFile));
  if (other)
    return {
      why: `it was made with --env-file ${other.environmentFile}`,
      fix: 'only the .env beside the compose file gives values: put them there, and docker compose up -d',
    };
  return beneath;
}

/** A host's absolute path as one beneath remote_root; null: it is not, or not in its shortest form. */
export function beneathRoot(path: string, { host, realRoot }: Roots): string | null {
  if (normalise(path) !== path) return null;
  for (const root of [host.remoteRoot, realRoot]) {
    if (isBeneath(path, root) && path.length > root.length) return path.slice(root.length + 1);
  }
  return null;
}

/** Why the checkout takes no file of a host at this place, null: it does. What a host names must not become part of how the repo itself works. */
export function repoFlaw(beneath: string, host: Pick<HostConfig, 'name' | 'repoRoot'>): string | null {
  const flaw = repoPathFlaw(beneath);
  if (flaw) return flaw;
  const names = beneath.toLowerCase().split('/');
  if (names.some((name) => name.startsWith('.git') || SACRED_NAMES.includes(name)))
    return 'has a name in it that git or platformctl keeps for itself';
  const [first = ''] = inRepo(host, beneath).split('/');
  const ours = first.startsWith('.') || ['modules', 'schemas', 'actions'].includes(first.toLowerCase());
  return host.repoRoot === '' && ours ? `would lie in ${first}/ of this repo: give ${host.name} a repo_root` : null;
}
