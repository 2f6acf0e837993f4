/** Drafts as `plan` would see them: a row for each service, and the files of those that the repo can have. */
import { exceptionToPaste } from '../compose/policy.js';
import { overRun } from '../execute/converse.js';
import { stackText } from '../manifest/stack-text.js';
import type { Git, Host, World } from '../ports.js';
import { quote } from '../quote.js';
import { visibleLine } from '../secret/controls.js';
import { type Draft, isDatabase } from './import-drafts.js';
import { type Exception, judgeModules, type NewFile, withFiles } from './import-judge.js';
import type { Obstacle, Roots } from './import-projects.js';

export interface ImportRow {
  readonly project: string;
  readonly service: string;
  /** null where it has none yet, because it cannot be brought in. */
  readonly module: string | null;
  readonly verdict: 'adoptable' | 'exception' | 'cannot' | 'declared';
  readonly exceptions: readonly Exception[];
  readonly why: string | null;
  readonly fix: string | null;
}

/** A draft with the names that it gets here. */
export interface NamedDraft {
  readonly draft: Draft;
  readonly stack: string;
  /** By service. */
  readonly modules: ReadonlyMap<string, string>;
}

export const cannot = (
  project: string,
  service: string,
  { why, fix }: Obstacle,
  module: string | null = null,
): ImportRow => ({
  project,
  service,
  module,
  verdict: 'cannot',
  exceptions: [],
  why,
  fix,
});

export async function outcomeOf(
  world: World,
  git: Git,
  host: Host,
  drafts: readonly NamedDraft[],
  roots: Roots,
): Promise<{ rows: ImportRow[]; files: Map<string, NewFile>; allow: string[]; warnings: string[] }> {
  const proposed = new Map(drafts.flatMap((named) => [...filesOf(named, roots, named.modules, [])]));
  const overlay = await withFiles(world, git, proposed);
  const rows: ImportRow[] = [];
  const sound = drafts.filter((named) => {
    const problem = overlay.wanted.problems.find(({ file }) => file === stackPath(named.stack));
    if (!problem) return true;
    const obstacle = { why: problem.message, fix: problem.hint ?? null };
    rows.push(...[...named.modules].map(([service]) => cannot(named.draft.sketch.project, service, obstacle)));
    return false;
  });
  const ids = sound.flatMap(({ modules }) => [...modules.values()]);
  if (ids.length === 0) return { rows, files: new Map(), allow: [], warnings: [] };
  const exchange = overRun(host, roots.host.remoteRoot);
  const judgementOf = await judgeModules(world, git, exchange, overlay, roots.host.name, ids);
  const files = new Map<string, NewFile>();
  const allow: string[] = [];
  const warnings: string[] = [];
  for (const named of sound) {
    const kept = new Map<string, string>();
    const notes: string[] = [];
    const paste: string[] = [];
    for (const [service, module] of named.modules) {
      const { exceptions, obstacle, refused } = judgementOf(module);
      const verdict = obstacle ? 'cannot' : exceptions.length > 0 ? 'exception' : 'adoptable';
      const { why, fix } = obstacle === null ? NONE : (closedFiles(named.draft, service) ?? obstacle);
      rows.push({
        project: named.draft.sketch.project,
        service,
        module: refused ? null : module,
        verdict,
        exceptions,
        why,
        fix,
      });
      if (refused) notes.push(visibleLine(`Not in this stack: ${service}: ${why}`));
      else {
        kept.set(service, module);
        paste.push(...exceptions.map((exception) => exceptionToPaste(module, exception)));
      }
    }
    if (kept.size === 0) continue;
    allow.push(...paste);
    warnings.push(...named.draft.warnings);
    if (paste.length > 0)
      notes.push(
        'The policy asks for these, in policy.compose.allow of .platform/config.yaml, each with its reason:',
        ...paste.map((line) => `  ${visibleLine(line)}`),
      );
    for (const [path, file] of filesOf(named, roots, kept, notes)) files.set(path, file);
  }
  return { rows, files, allow, warnings };
}

const NONE = { why: null, fix: null };

/** Compose names only the first file that the agent cannot read, and not what would let it. */
function closedFiles({ unreadable }: Draft, service: string): Obstacle | null {
  const paths = unreadable.get(service) ?? [];
  if (paths.length === 0) return null;
  const words = paths.map((path) => quote(path)).join(' ');
  return {
    why: `the agent cannot read ${paths.join(', ')}`,
    fix: `as root there: chgrp docker ${words} && chmod 0640 ${words}`,
  };
}

const stackPath = (stack: string): string => `modules/${stack}/stack.yaml`;

/** Its files, stack.yaml last: what that one names is there before it is. */
function filesOf(
  { draft, stack }: NamedDraft,
  { host }: Roots,
  modules: ReadonlyMap<string, string>,
  notes: readonly string[],
): Map<string, NewFile> {
  const { sketch } = draft;
  const [composeFile = ''] = draft.files.keys();
  const text = stackText({
    id: stack,
    host: host.name,
    composeFile,
    project: sketch.project,
    services: sketch.services.flatMap(({ name, image, job }) => {
      const module = modules.get(name);
      if (module === undefined) return [];
      const id = module === `${stack}-${name}` ? null : module;
      return [{ name, id, protected: isDatabase(image), job, hostFiles: draft.hostFiles.get(name) ?? [] }];
    }),
    notes: [...draft.notes, ...notes],
  });
  return new Map([...draft.files, [stackPath(stack), { bytes: new TextEncoder().encode(text), executable: false }]]);
}
