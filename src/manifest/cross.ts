/** What only shows when modules are held against each other and against their compose files (M-11). */
import type { Problem } from '../errors.js';
import type { ServiceModule, Wanted } from './model.js';
import { isBeneath } from './paths.js';
import { PROJECT_NAME, projectName } from './project.js';

/** What is known of a compose file once it was parsed. */
export interface ComposeNames {
  /** Its `name:`. */
  readonly name: string | null;
  /** Its services; `healthcheck`: whether the file gives one that is not disabled. */
  readonly services: ReadonlyMap<string, { readonly healthcheck: boolean }>;
}

/** A problem of one module. */
export interface CrossProblem extends Problem {
  readonly module: string;
}

/** Where a key of a module's manifest stands: `spec.runtime.project`. */
export type PlaceInManifest = (module: ServiceModule, path: readonly string[]) => { line: number; column: number };

/**
 * The rules of M-11 that need the compose files.
 * @param compose by repo path; files that could not be parsed are left out, and their modules are not judged here
 * @param place where a manifest's key stands; without it everything is at 1:1
 */
export function crossCheck(
  wanted: Wanted,
  compose: ReadonlyMap<string, ComposeNames>,
  place: PlaceInManifest = () => ({ line: 1, column: 1 }),
): CrossProblem[] {
  const problems: CrossProblem[] = [];
  const targets = new Map<string, ServiceModule>();
  const projects = new Map<string, { module: ServiceModule; project: string }>();
  for (const module of wanted.modules.values()) {
    const names = compose.get(module.composeFile);
    if (!names) continue;
    const report: Report = (path, code, message, hint, other) => {
      const stops = other ? { stops: [other.id] } : {};
      problems.push({
        module: module.id,
        code,
        file: module.manifestPath,
        ...place(module, path),
        message,
        hint,
        ...stops,
      });
    };
    checkService(module, names, report);
    const host = wanted.platform.hosts.get(module.host);
    if (!host || !isBeneath(module.composeFile, host.repoRoot)) continue;

    const beneath = host.repoRoot === '' ? module.composeFile : module.composeFile.slice(host.repoRoot.length + 1);
    const project = projectName(module.project, names.name, `${host.remoteRoot}/${beneath}`);
    if (!PROJECT_NAME.test(project.name)) {
      report(
        COMPOSE_FILE,
        'PCTL-MODULE-PROJECT',
        project.name === ''
          ? `the folder of ${module.composeFile} gives no project name that compose takes`
          : `compose does not take the project name ${project.name} (from the ${project.source})`,
        'set spec.runtime.project: lower-case letters, digits, - and _, beginning with a letter or digit',
      );
      continue;
    }
    const target = `${module.host}\n${project.name}\n${module.service}`;
    const twin = targets.get(target);
    if (twin) {
      report(
        SERVICE,
        'PCTL-MODULE-TWICE',
        `service ${module.service} of project ${project.name} on ${module.host} is also module ${twin.id}`,
        'one service is one module',
        twin,
      );
    } else targets.set(target, module);

    const file = `${module.host}\n${module.composeFile}`;
    const first = projects.get(file);
    if (first && first.project !== project.name) {
      report(
        module.project === null ? COMPOSE_FILE : ['spec', 'runtime', 'project'],
        'PCTL-COMPOSE-PROJECTS',
        `${module.composeFile} on ${module.host} is project ${project.name} here and ${first.project} in module ${first.module.id}`,
        'give both modules the same project',
        first.module,
      );
    } else if (!first) projects.set(file, { module, project: project.name });
  }
  return problems;
}

/** `other`: the module that it is told against. Which of the two is right is not known here, so both are stopped. */
type Report = (path: readonly string[], code: string, message: string, hint: string, other?: ServiceModule) => void;

const COMPOSE_FILE = ['spec', 'runtime', 'compose_file'];
const SERVICE = ['spec', 'runtime', 'compose_service'];

function checkService(module: ServiceModule, names: ComposeNames, report: Report): void {
  const service = names.services.get(module.service);
  if (!service) {
    const known = [...names.services.keys()].slice(0, 10).join(', ');
    report(
      SERVICE,
      'PCTL-COMPOSE-NO-SERVICE',
      `${module.composeFile} has no service ${module.service}`,
      known ? `it has: ${known}` : 'it has no services',
    );
    return;
  }
  const { smoke } = module;
  // With a healthcheck the floor is 10, which was checked without the compose file.
  if (smoke.stableSeconds === null && smoke.exits === null && !service.healthcheck && smoke.timeoutSeconds <= 30) {
    report(
      ['spec', 'smoke', 'timeout_seconds'],
      'PCTL-SMOKE-TIMEOUT',
      `smoke.timeout_seconds (${smoke.timeoutSeconds}) must be above stable_seconds (30, the default without a healthcheck)`,
      'raise it, set stable_seconds, or give the service a healthcheck',
    );
  }
}

/** Circles of depends_on, each told once, at the first of its modules in the order of ids. */
export function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const state = new Map<string, 'open' | 'done'>();
  const found: string[][] = [];
  for (const start of [...edges.keys()].sort()) {
    if (state.has(start)) continue;
    // Its own stack: a chain of 10,000 modules must not exhaust the machine's.
    const path: { id: string; next: number }[] = [{ id: start, next: 0 }];
    state.set(start, 'open');
    while (path.length > 0) {
      const top = path.at(-1)!;
      const target = edges.get(top.id)?.[top.next++];
      if (target === undefined) {
        state.set(top.id, 'done');
        path.pop();
      } else if (state.get(target) === 'open') {
        if (target !== top.id) found.push(path.slice(path.findIndex(({ id }) => id === target)).map(({ id }) => id));
      } else if (!state.has(target) && edges.has(target)) {
        state.set(target, 'open');
        path.push({ id: target, next: 0 });
      }
    }
  }
  return found;
}
