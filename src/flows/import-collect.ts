/** What the projects of a host would bring along: two questions for all of them together, their compose files and what these name. */
import { type RemoteFile, remoteFiles } from '../execute/import.js';
import type { Git, Host, World } from '../ports.js';
import { moduleId, otherBytes, stackName } from './import-checkout.js';
import { draftOf, type Sketch, sketchOf } from './import-drafts.js';
import { cannot, type ImportRow, type NamedDraft } from './import-outcome.js';
import type { FoundProject, Obstacle, Roots } from './import-projects.js';
import type { Gathered } from './wanted.js';

export interface Collected {
  readonly drafts: readonly NamedDraft[];
  /** Of services that the repo cannot have. */
  readonly rows: readonly ImportRow[];
}

export async function collect(
  world: World,
  git: Git,
  gathered: Gathered,
  host: Host,
  found: readonly FoundProject[],
  roots: Roots,
): Promise<Collected> {
  const root = roots.host.remoteRoot;
  const rows: ImportRow[] = [];
  const refuse = (project: string, services: readonly string[], obstacle: Obstacle): void => {
    for (const service of services) rows.push(cannot(project, service, obstacle));
  };

  const paths = [...new Set(found.map(({ composeFile }) => composeFile))];
  const texts = await remoteFiles(
    host,
    root,
    paths.map((path) => ({ path, read: true })),
  );
  const sketches: Sketch[] = [];
  for (const one of found) {
    const fresh: string[] = [];
    for (const { name, managed } of one.services) {
      if (managed) refuse(one.project, [name], FOREIGN);
      else fresh.push(name);
    }
    if (fresh.length === 0) continue;
    const sketch = sketchOf(one, fresh, texts.get(one.composeFile) ?? { kind: 'absent' }, roots);
    if ('why' in sketch) refuse(one.project, fresh, sketch);
    else {
      sketches.push(sketch);
      const left = fresh.filter((name) => !sketch.services.some((service) => service.name === name));
      refuse(one.project, left, { why: 'its compose file does not have it any more', fix: null });
    }
  }

  const seen = await lookAtNamed(host, root, sketches);
  const drafts: NamedDraft[] = [];
  const taken = new Set<string>();
  for (const sketch of sketches) {
    const names = sketch.services.map(({ name }) => name);
    const draft = draftOf(sketch, seen, roots, (path) => gathered.entries.has(path));
    const stack = stackName(gathered, sketch.project, roots.host.name, taken);
    const other = await otherBytes(world, git.root, draft.files);
    if (stack === null)
      refuse(sketch.project, names, {
        why: `modules/${sketch.project} is in this repo already, for something else`,
        fix: 'add its services to the manifest there, or rename that folder',
      });
    else if (other) refuse(sketch.project, names, other);
    else {
      taken.add(stack);
      drafts.push({ draft, stack, modules: new Map(names.map((name) => [name, moduleId(stack, name)])) });
    }
  }
  return { drafts, rows };
}

const FOREIGN: Obstacle = {
  why: 'managed by platformctl: a run made it, for a module that this checkout does not declare',
  fix: 'platformctl status names the module; check out a commit that declares it, or platformctl plan ID --remove',
};

/** Files with values in them are looked at and never read, whoever else names them. */
async function lookAtNamed(host: Host, root: string, sketches: readonly Sketch[]): Promise<Map<string, RemoteFile>> {
  const questions = new Map<string, boolean>();
  for (const { path, unread } of sketches.flatMap(({ named }) => named))
    questions.set(path, !unread && questions.get(path) !== false);
  return remoteFiles(
    host,
    root,
    [...questions].map(([path, read]) => ({ path, read })),
  );
}
