/** What is wrong with a tree or with modules among each other, before any compose file is looked at (M-4, M-11). */
import type { Problem } from '../errors.js';
import { circles } from './cross.js';
import { finding, type Manifest, textsAt } from './findings.js';
import type { ServiceModule } from './model.js';
import { isBeneath } from './paths.js';
import { linkCode, type NamedEntry, type RepoTree, SYMLINK } from './repo-tree.js';

/** Files that look like manifests: read by nothing yet, or misnamed. */
const OTHER_FILE = /^modules\/([^/]+)\/(module\.yml|stack\.yml|pack\.ya?ml)$/;

/** M-4: no link anywhere beneath modules/; and files there that nothing would read. */
export function treeProblems(entries: readonly NamedEntry[], tree: RepoTree): Problem[] {
  const problems = tree.links
    .filter(({ path }) => isBeneath(path, 'modules'))
    .map(({ path, mode }) =>
      whole(
        path,
        linkCode(mode),
        `${path} is a ${mode === SYMLINK ? 'symlink' : 'submodule'}`,
        'beneath modules/ only regular files count: put the real file there',
      ),
    );
  for (const { path } of entries) {
    const [, folder, name] = OTHER_FILE.exec(path) ?? [];
    if (name === undefined) continue;
    if (name === 'module.yml' || name === 'stack.yml')
      problems.push(
        whole(
          path,
          'PCTL-MANIFEST-NAME',
          `nothing reads ${name}`,
          `rename it: git mv ${path} modules/${folder}/${name.replace('.yml', '.yaml')}`,
        ),
      );
    else
      problems.push(
        whole(
          path,
          'PCTL-NOT-BUILT-PACK',
          'pack.yaml is not built yet, so its actions would be passed over',
          'keep it out of modules/ until then',
        ),
      );
  }
  return problems;
}

/** Something that a command can be told by its id. */
export interface Named {
  readonly id: string;
  readonly manifest: Manifest;
  /** Where it is declared, in words. */
  readonly what: string;
}

/** Ids are unique without regard to case, over modules and stacks: state and locks lie in files of that name, and not every disk tells them apart. */
export function equalIds(named: readonly Named[]): Problem[] {
  const first = new Map<string, Named>();
  const problems: Problem[] = [];
  for (const one of [...named].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))) {
    const { id, manifest } = one;
    const other = first.get(id.toLowerCase());
    if (other === undefined) first.set(id.toLowerCase(), one);
    else {
      const [code, message, hint] =
        other.id === id
          ? ['PCTL-MODULE-ID-TWICE', `${id} is also the id of ${other.what}`, 'give one of them another id']
          : ['PCTL-MODULE-ID-CASE', `${id} and ${other.id} differ only in case`, 'rename one of them'];
      problems.push({ ...finding(manifest, ['metadata', 'id'], code, message, hint), stops: [other.id] });
    }
  }
  return problems;
}

/** depends_on that leads back to where it began. */
export function dependencyCircles(
  modules: ReadonlyMap<string, ServiceModule>,
  manifests: ReadonlyMap<string, Manifest>,
): Problem[] {
  const edges = new Map([...modules].map(([id, { dependsOn }]) => [id, dependsOn]));
  return circles(edges).flatMap((circle) => {
    const [from = '', to = from] = circle;
    const manifest = manifests.get(from);
    if (!manifest) return [];
    const entry = textsAt(manifest, ['spec', 'depends_on']).find(({ text }) => text === to);
    const shownCircle = circle.length > 8 ? [...circle.slice(0, 4), '...', ...circle.slice(-3)] : circle;
    const told = finding(
      manifest,
      // A stack says it for all of its modules, or the compose file does: then it is the service's.
      entry?.path ?? ['metadata', 'id'],
      'PCTL-DEPENDS-CIRCLE',
      `depends_on goes in a circle: ${[...shownCircle, from].join(' -> ')}`,
      entry ? 'remove one of these' : 'remove one of these; for a stack, what its compose file says counts too',
    );
    return [{ ...told, stops: circle }];
  });
}

/** A problem of a file as a whole. */
export const whole = (file: string, code: string, message: string, hint: string): Problem => ({
  code,
  file,
  line: 1,
  column: 1,
  message,
  hint,
});
