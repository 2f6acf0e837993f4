/** What is wrong with a tree or with modules among each other, before any compose file is looked at (M-4, M-11). */
import type { Problem } from '../errors.js';
import { circles } from './cross.js';
import { finding, type Manifest, textsAt } from './findings.js';
import type { ServiceModule } from './model.js';
import { isBeneath } from './paths.js';
import { linkCode, type NamedEntry, type RepoTree, SYMLINK } from './repo-tree.js';

/** Files that look like manifests: read by nothing yet, or misnamed. */
const OTHER_FILE = /^modules\/([^/]+)\/(module\.yml|stack\.ya?ml|pack\.ya?ml)$/;

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
    if (name === 'module.yml')
      problems.push(
        whole(
          path,
          'PCTL-MANIFEST-NAME',
          'nothing reads module.yml',
          `rename it: git mv ${path} modules/${folder}/module.yaml`,
        ),
      );
    else if (name.startsWith('stack'))
      problems.push(
        whole(
          path,
          'PCTL-NOT-BUILT-STACK',
          'stack.yaml is not built yet, so its services would be passed over',
          'write one modules/ID/module.yaml for each service',
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

/** Ids are unique without regard to case: state and locks lie in files of that name, and not every disk tells them apart. */
export function sameButForCase(ids: ReadonlySet<string>, manifests: ReadonlyMap<string, Manifest>): Problem[] {
  const first = new Map<string, string>();
  const problems: Problem[] = [];
  for (const id of [...ids].sort()) {
    const other = first.get(id.toLowerCase());
    const manifest = manifests.get(`modules/${id}/module.yaml`);
    if (other === undefined) first.set(id.toLowerCase(), id);
    else if (manifest)
      problems.push(
        finding(
          manifest,
          ['metadata', 'id'],
          'PCTL-MODULE-ID-CASE',
          `${id} and ${other} differ only in case`,
          'rename one of them',
        ),
      );
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
    const manifest = manifests.get(modules.get(from)?.manifestPath ?? '');
    if (!manifest) return [];
    const entry = textsAt(manifest, ['spec', 'depends_on']).find(({ text }) => text === to);
    const shownCircle = circle.length > 8 ? [...circle.slice(0, 4), '...', ...circle.slice(-3)] : circle;
    const told = finding(
      manifest,
      entry?.path ?? ['spec', 'depends_on'],
      'PCTL-DEPENDS-CIRCLE',
      `depends_on goes in a circle: ${[...shownCircle, from].join(' -> ')}`,
      'remove one of these',
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
