/** `import`: what compose made on a host by hand, as files of this repo that plan as `adopt` (P-13). Reads the host; writes only files that are not there yet. */
import { ProblemsError } from '../errors.js';
import { composeContainers } from '../execute/import.js';
import type { Git, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { modulesOn } from './import-checkout.js';
import { collect } from './import-collect.js';
import type { NewFile } from './import-judge.js';
import { cannot, type ImportRow, outcomeOf } from './import-outcome.js';
import { type Declared, projectsOf, type Roots } from './import-projects.js';
import { CONFIG_PATH } from './policy.js';
import { gatherWanted } from './wanted.js';

export type { ImportRow };

export interface ImportResult {
  readonly host: string;
  /** By project and service. */
  readonly rows: readonly ImportRow[];
  readonly files: readonly { readonly path: string; readonly state: 'written' | 'kept' }[];
  /** Lines for `policy.compose.allow`, ready to paste. */
  readonly allow: readonly string[];
  /** What to look at before anything is committed. */
  readonly warnings: readonly string[];
}

/** @throws PlatformError PCTL-GATE-HOST (4), and what connecting, the host and the disk say */
export async function importFlow(world: World, name: string): Promise<ImportResult> {
  const git = await world.openGit(world.directory);
  const gathered = await gatherWanted(world, git, { workTree: true, withoutCommit: true });
  const broken = gathered.wanted.problems.filter(({ file }) => file === CONFIG_PATH);
  if (broken.length > 0) throw new ProblemsError(broken);
  const { platform } = gathered.wanted;
  const address = hostAddress(platform, name);
  const config = platform.hosts.get(name);
  if (config === undefined) throw new Error('an address of no host');
  const host = await world.connect(address);
  try {
    const { realRoot, containers } = await composeContainers(host, config.remoteRoot);
    const roots: Roots = { host: config, realRoot };
    const { found, impossible, declared } = projectsOf(containers, roots, await modulesOn(gathered, config));
    const collected = await collect(world, git, gathered, host, found, roots);
    const outcome = await outcomeOf(world, git, host, collected.drafts, roots);
    const rows = [
      ...impossible.flatMap(({ project, services, why, fix }) =>
        services.map((service) => cannot(project, service, { why, fix })),
      ),
      ...declared.map(declaredRow),
      ...collected.rows,
      ...outcome.rows,
    ];
    const files = await write(world, git, outcome.files);
    return { host: name, rows: rows.sort(byName), files, allow: outcome.allow, warnings: outcome.warnings };
  } finally {
    await host.close();
  }
}

const declaredRow = ({ project, service, module, managed }: Declared): ImportRow => ({
  project,
  service,
  module,
  verdict: 'declared',
  exceptions: [],
  why: managed ? `managed by platformctl: module ${module}` : null,
  fix: null,
});

const byName = (a: ImportRow, b: ImportRow): number =>
  `${a.project}\n${a.service}` < `${b.project}\n${b.service}` ? -1 : 1;

/** Only now is anything written, and each stack.yaml after what it names. */
async function write(world: World, git: Git, files: ReadonlyMap<string, NewFile>): Promise<ImportResult['files']> {
  const done: ImportResult['files'][number][] = [];
  for (const [path, { bytes, executable }] of files) {
    // With the same bytes: others were found before.
    const there = await world.workTree?.read(git.root, path, bytes.length);
    if (!there) {
      const mode = executable ? 0o755 : 0o644;
      await world.files.write(`${git.root}/${path}`, bytes, { mode, ifAbsent: true, beneath: git.root });
    }
    done.push({ path, state: there ? 'kept' : 'written' });
  }
  return done;
}
