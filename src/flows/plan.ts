/** manifest -> plan: one plan for each module, all tried, the worst exit wins (P-1, P-9). */
import { PlatformError } from '../errors.js';
import { overRun } from '../execute/converse.js';
import { EXIT_CHANGES, EXIT_INVALID, EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode, worstExit } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { Plan } from '../manifest/types.js';
import { hasVariable, type PlannedFile, type WantedFile } from '../plan/files.js';
import { makePlan } from '../plan/make.js';
import type { Git, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { relationOf } from './approvals.js';
import { hostFailures, lookAtHost, type PlanContext } from './observe-host.js';
import { keepPlan } from './plan-files.js';
import { type Policy, policyDigest, resolvePolicy } from './policy.js';
import { type Prepared, prepare, problemFailure } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Failure, PlannedModule, PlanResult, Undeclared } from './results.js';
import { type Gathered, gatherWanted } from './wanted.js';

export interface PlanOptions {
  /** Module ids; none: every service module. */
  readonly ids: readonly string[];
  readonly sha?: string;
  readonly changedSince?: string;
  readonly offline?: boolean;
  readonly policyRef?: string;
}

export async function planFlow(world: World, options: PlanOptions): Promise<PlanResult> {
  const git = await world.openGit(world.directory);
  const sha = options.sha === undefined ? null : await commitOf(git, options.sha);
  const gathered = await gatherWanted(world, git, sha === null ? { workTree: true } : { sha });
  const policy = await resolvePolicy(
    world,
    git,
    { asking: false, ...(options.policyRef ? { policyRef: options.policyRef } : {}) },
    readPlatform,
  );
  const { ids, leftOut } = await selected(git, gathered, options);
  const errors: Failure[] = moduleProblems(gathered, ids);
  const sound = ids.filter((id) => !errors.some((error) => error.module === id));
  const now = timestamp(world.clock.now());
  const preparation = await prepare(gathered, policy.platform, sound, now.slice(0, 10));
  errors.push(...preparation.errors);
  const warnings: string[] = [];
  if (!sameBytes(policy.platformBytes, gathered.platformBytes)) {
    warnings.push(
      `this commit changes .platform/config.yaml: it is judged by the one at ${policy.ref} (${policy.sha.slice(0, 7)})`,
    );
  }
  const failed = new Set(errors.map((error) => error.module));
  const ready = preparation.prepared.filter((one) => !failed.has(one.module.id));
  const context = planContext(world, git, gathered, policy, now);
  const planned: PlannedModule[] = [];
  const undeclared: Undeclared[] = [];
  if (options.offline) {
    for (const one of ready)
      planned.push({
        plan: await offlinePlan(one, context),
        protected: one.module.protected,
        job: one.module.smoke.exits !== null,
        lastApplied: null,
      });
  } else {
    for (const look of await Promise.all(
      byHost(ready).map((group) => planHost(world, policy.platform, group, context)),
    )) {
      planned.push(...look.planned);
      errors.push(...look.errors);
      undeclared.push(...look.undeclared);
    }
  }
  const order = new Map(ids.map((id, index) => [id, index]));
  planned.sort((a, b) => (order.get(a.plan.module) ?? 0) - (order.get(b.plan.module) ?? 0));
  if (!options.offline) for (const one of planned) await keepPlan(world.files, git.root, one.plan);
  const codes: ExitCode[] = [
    ...errors.map((error) => error.exitCode),
    ...planned.map((one) => (one.plan.exitCode === 1 ? EXIT_CHANGES : EXIT_NO_CHANGES)),
  ];
  return {
    sourceSha: gathered.sha,
    branch: gathered.branch,
    dirty: planned.some((one) => one.plan.source_dirty),
    offline: options.offline === true,
    planned,
    undeclared,
    errors,
    leftOut,
    warnings,
    written: [],
    exitCode: worstExit(codes),
  };
}

export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

async function commitOf(git: Git, rev: string): Promise<string> {
  const sha = await git.resolve(rev);
  if (sha !== null) return sha;
  throw new PlatformError({
    code: 'PCTL-GIT-UNKNOWN',
    exit: EXIT_TOOL_ERROR,
    summary: `there is no commit ${rev} here`,
    hint: 'git fetch it first; in CI set fetch-depth: 0',
  });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Which modules a person asked for. */
async function selected(
  git: Git,
  gathered: Gathered,
  options: PlanOptions,
): Promise<{ ids: string[]; leftOut: number }> {
  const all = [...gathered.wanted.modules.keys()].sort();
  const broken = new Set(
    gathered.wanted.problems.map((problem) => moduleOfPath(problem.file)).filter((id): id is string => id !== null),
  );
  const unknown = options.ids.filter((id) => !gathered.wanted.modules.has(id) && !broken.has(id));
  if (unknown.length > 0) {
    throw new PlatformError({
      code: 'PCTL-MODULE-UNKNOWN',
      exit: EXIT_INVALID,
      summary: `no module ${unknown.join(', ')}`,
      hint: `modules here: ${all.slice(0, 20).join(', ') || 'none'}`,
    });
  }
  let ids = options.ids.length > 0 ? [...new Set(options.ids)] : [...new Set([...all, ...broken])].sort();
  let leftOut = 0;
  if (options.changedSince !== undefined) {
    const since = await commitOf(git, options.changedSince);
    const before = new Map((await git.tree(since)).map((entry) => [entry.path, `${entry.mode} ${entry.id}`]));
    const changed = new Set<string>();
    for (const entry of gathered.entries.values())
      if (before.get(entry.path) !== `${entry.mode} ${entry.id}`) changed.add(entry.path);
    for (const path of before.keys()) if (!gathered.entries.has(path)) changed.add(path);
    const kept = ids.filter((id) => {
      const module = gathered.wanted.modules.get(id);
      if (!module) return true;
      const folder = module.composeFile.includes('/')
        ? `${module.composeFile.slice(0, module.composeFile.lastIndexOf('/'))}/`
        : '';
      return [...changed].some(
        (path) =>
          path === module.manifestPath ||
          path.startsWith(`modules/${id}/`) ||
          path.startsWith(folder) ||
          module.files.some((file) => path === file || path.startsWith(`${file}/`)),
      );
    });
    leftOut = ids.length - kept.length;
    ids = kept;
  }
  if (ids.length === 0 && leftOut === 0) {
    throw new PlatformError({
      code: 'PCTL-NO-MODULES',
      exit: EXIT_TOOL_ERROR,
      summary: 'there is no module to plan',
      hint: 'platformctl init writes a first one',
    });
  }
  return { ids, leftOut };
}

const moduleOfPath = (file: string): string | null => /^modules\/([^/]+)\//.exec(file)?.[1] ?? null;

/** Problems of a module's own files stop that module, those of config.yaml and of the whole stop everything. */
function moduleProblems(gathered: Gathered, ids: readonly string[]): Failure[] {
  const errors: Failure[] = [];
  for (const problem of gathered.wanted.problems) {
    const id = moduleOfPath(problem.file);
    if (id === null) for (const one of ids) errors.push(problemFailure(one, problem));
    else if (ids.includes(id)) errors.push(problemFailure(id, problem));
  }
  return errors;
}

export function planContext(world: World, git: Git, gathered: Gathered, policy: Policy, now: string): PlanContext {
  const dirty = new Set(gathered.dirtyPaths);
  const toRepo = (one: Prepared, path: string): string =>
    one.host.repoRoot === '' ? path : `${one.host.repoRoot}/${path}`;
  return {
    version: world.version,
    createdAt: now,
    sourceSha: gathered.sha,
    dirty: (one: Prepared, files: readonly PlannedFile[]) =>
      gathered.workTree &&
      (dirty.has(one.module.manifestPath) ||
        files.some((file) => file.source === 'commit' && dirty.has(toRepo(one, file.path)))),
    policyOf: (one) => ({
      ref: policy.ref,
      sha: policy.sha,
      digest: policyDigest(policy.platform, one.module.id, one.module.host, policy.allowedSigners),
    }),
    relation: (last) => relationOf(git, last, gathered.sha),
    read: (paths) => gathered.read(paths),
    declared: new Map(
      [...gathered.wanted.modules.values()].map((module) => [
        module.id,
        { host: module.host, service: module.service },
      ]),
    ),
  };
}

function byHost(prepared: readonly Prepared[]): Prepared[][] {
  const groups = new Map<string, Prepared[]>();
  for (const one of prepared) groups.set(one.module.host, [...(groups.get(one.module.host) ?? []), one]);
  return [...groups.values()];
}

async function planHost(world: World, platform: Platform, prepared: readonly Prepared[], context: PlanContext) {
  const name = (prepared[0] as Prepared).module.host;
  try {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const exchange = overRun(host, (prepared[0] as Prepared).host.remoteRoot);
      const look = await lookAtHost(exchange, name, prepared, context);
      return { planned: look.looked as readonly PlannedModule[], errors: look.errors, undeclared: look.undeclared };
    } finally {
      await host.close();
    }
  } catch (error) {
    return { planned: [], errors: hostFailures(error, prepared), undeclared: [] };
  }
}

const UNKNOWN = 'decided on the host';

/** What can be told without the host (P-8). It can never be applied. */
async function offlinePlan(one: Prepared, context: PlanContext): Promise<Plan> {
  const contents = await context.read(one.wanted.files.flatMap((file) => (file.entry ? [file.entry.path] : [])));
  const { sha256 } = await import('../plan/artifact.js');
  const files = one.wanted.files.map((file: WantedFile): PlannedFile => {
    const bytes = file.entry ? contents.get(file.entry.path) : undefined;
    return {
      path: file.path,
      source: file.source,
      role: file.role,
      blob: file.entry?.id ?? null,
      sha256: bytes ? sha256(bytes) : null,
      keyed: null,
      mode: file.entry ? (file.entry.mode === '100755' ? '0755' : '0644') : null,
    };
  });
  const image = one.compose.services.get(one.module.service)?.image;
  return makePlan({
    version: context.version,
    createdAt: context.createdAt,
    kind: 'apply',
    module: one.module,
    host: one.host,
    project: one.project,
    composeFile: one.composeFile,
    sourceSha: context.sourceSha,
    sourceDirty: context.dirty(one, files),
    manifest: one.manifest,
    policy: context.policyOf(one),
    files,
    folders: [],
    imageReference: typeof image === 'string' && !hasVariable(image) ? image : UNKNOWN,
    resolved: Object.fromEntries(one.verdict.open.map((position) => [position, UNKNOWN])),
    hasHealthcheck: one.references.hasHealthcheck,
    stopGraceSeconds: one.references.stopGraceSeconds,
    observation: null,
    changes: {
      changes: [
        { target: `compose.service.${one.module.service}`, action: 'update', reasons: [`offline: ${UNKNOWN}`] },
      ],
      recreates: false,
      forceRecreate: false,
      adopts: false,
      leftover: false,
    },
    alsoAffected: [],
    destructive: [],
    verdict: one.verdict,
    warnings: [],
  });
}
