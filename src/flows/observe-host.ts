/** Prepared modules of one host + what is seen there -> plans. Used by plan over a connection of its own and by apply again under the locks. */
import { alsoAffected } from '../compose/affected.js';
import { volumesOrNetworksChanged } from '../compose/diff.js';
import { parseCompose } from '../compose/file.js';
import type { Verdict } from '../compose/model.js';
import { judgeResolved } from '../compose/policy.js';
import { references } from '../compose/references.js';
import { readSkeleton, skeleton } from '../compose/skeleton.js';
import { PlatformError } from '../errors.js';
import {
  type Answers,
  type ComposeGroup,
  type FirstRound,
  firstRound,
  type Questions,
  secondRound,
} from '../execute/observe.js';
import type { Exchange } from '../execute/protocol.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED, type ExitCode } from '../exits.js';
import type { Relation } from '../gate/facts.js';
import { sacredReason } from '../manifest/paths.js';
import type { Plan, Status } from '../manifest/types.js';
import { sha256 } from '../plan/artifact.js';
import { changesOf } from '../plan/changes.js';
import {
  folderOf,
  join,
  type MountSource,
  onHost,
  type PlannedFile,
  type WantedFiles,
  wantedFiles,
} from '../plan/files.js';
import { foldersFor, makePlan } from '../plan/make.js';
import type { FileSeen, Observation } from '../plan/observation.js';
import type { Limit } from '../ports.js';
import type { Interrupted } from '../state/interrupted.js';
import { parseStatus } from '../state/status.js';
import { interruptedRun } from './interrupted.js';
import { denialFailures, failureOf, type Prepared } from './prepare.js';
import type { Failure, PlannedModule, Undeclared } from './results.js';

export interface PlanContext {
  /** The locks are ours: what is held is held by this run. */
  readonly holding?: boolean;
  readonly version: string;
  readonly createdAt: string;
  readonly sourceSha: string;
  /** Module ids whose files differ from HEAD. */
  readonly dirty: (prepared: Prepared, files: readonly PlannedFile[]) => boolean;
  readonly policyOf: (prepared: Prepared) => Plan['policy'];
  /** How the source commit stands to the one that was applied last. */
  readonly relation: (lastApplied: string | null) => Promise<Relation>;
  /** Bytes of files of the commit. */
  readonly read: (paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
  /** Ids of every module that the commit declares, with host, project and service where known. */
  readonly declared: ReadonlyMap<string, { readonly host: string; readonly service: string }>;
}

/** A plan with what apply needs beside it. */
export interface Looked extends PlannedModule {
  readonly observation: Observation;
  readonly prepared: Prepared;
  readonly wanted: WantedFiles;
  /** A run before that never recorded its end. */
  readonly interrupted: Interrupted | null;
  /** G-7 over what the host's compose resolved. */
  readonly resolvedVerdict: Verdict;
  /** Bytes of the plan's files of the commit, by path beneath remote_root. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

export interface HostLook {
  readonly looked: readonly Looked[];
  readonly errors: readonly Failure[];
  readonly undeclared: readonly Undeclared[];
  readonly first: FirstRound | null;
}

interface Halfway {
  readonly prepared: Prepared;
  readonly group: ComposeGroup;
  readonly wanted: WantedFiles;
  readonly skeleton: ReturnType<typeof readSkeleton>;
  readonly status: Status | null;
  readonly files: readonly PlannedFile[];
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly hashNow: string;
  readonly questions: Questions;
  readonly verdict: Verdict;
  readonly exceptions: Plan['exceptions'];
  readonly warnings: readonly string[];
}

const ROUND_MS = 120_000;

const fail = (
  module: string,
  code: string,
  exitCode: ExitCode,
  summary: string,
  hint: string | null,
  why: string | null = null,
  where: Failure['where'] = null,
): Failure => ({
  module,
  code,
  summary,
  where,
  why,
  hint,
  exitCode,
});

export async function lookAtHost(
  exchange: Exchange,
  host: string,
  prepared: readonly Prepared[],
  context: PlanContext,
): Promise<HostLook> {
  const errors: Failure[] = [];
  const limit: Limit = { ms: ROUND_MS + 1000 * prepared.length, step: 'observe' };
  const groups = await groupsOf(prepared, context);
  const first = await firstRound(
    exchange,
    host,
    [...new Map(groups.map(({ group }) => [group.key, group])).values()],
    limit,
  );
  const statuses = new Map<string, Status>();
  for (const [id, bytes] of first.statuses) {
    try {
      statuses.set(id, parseStatus(bytes, { host }));
    } catch (error) {
      if (prepared.some((one) => one.module.id === id)) errors.push(failureOf(error, id));
    }
  }
  const halves: Halfway[] = [];
  for (const { one, group } of groups) {
    if (errors.some((error) => error.module === one.module.id)) continue;
    try {
      const half = await halfway(one, group, first, statuses.get(one.module.id) ?? null, context);
      if ('failures' in half) errors.push(...half.failures);
      else halves.push(half);
    } catch (error) {
      errors.push(failureOf(error, one.module.id));
    }
  }
  const interrupted = new Map<string, Interrupted>();
  for (const { prepared: one, status } of halves) {
    if (!status?.intent) continue;
    const held = context.holding !== true && first.held.some((lock) => lock.name === `module.${one.module.id}`);
    const containers = first.containers.filter(
      (container) => container.project === one.project.name && container.service === one.module.service,
    );
    const found = await interruptedRun(exchange, host, status, first.engine, containers, held);
    if (found) interrupted.set(one.module.id, found);
  }
  const answers =
    halves.length === 0
      ? []
      : await secondRound(
          exchange,
          host,
          halves.map((half) => half.questions),
          limit,
        );
  const looked: Looked[] = [];
  const delivered = deliveredBy(statuses);
  for (const [index, half] of halves.entries()) {
    const result = await finish(
      half,
      answers[index] as Answers,
      first,
      delivered,
      context,
      interrupted.get(half.prepared.module.id) ?? null,
    );
    if ('failures' in result) errors.push(...result.failures);
    else looked.push(result);
  }
  return { looked, errors, undeclared: undeclaredOn(host, first, statuses, prepared, context), first };
}

async function groupsOf(
  prepared: readonly Prepared[],
  context: PlanContext,
): Promise<{ one: Prepared; group: ComposeGroup }[]> {
  const dotenvPath = (one: Prepared): string => join(folderOf(one.module.composeFile), '.env') as string;
  const bytes = await context.read([
    ...new Set(prepared.filter((one) => one.wanted.dotenv === 'commit').map(dotenvPath)),
  ]);
  const shared = new Map<string, Prepared[]>();
  const keyOf = (one: Prepared): string => `${one.project.name} ${one.composeFile} ${one.wanted.dotenv}`;
  for (const one of prepared) shared.set(keyOf(one), [...(shared.get(keyOf(one)) ?? []), one]);
  const groups = new Map<string, ComposeGroup>();
  for (const [key, members] of shared) {
    const [one] = members as [Prepared];
    const variables = [
      ...new Set(members.flatMap((member) => member.references.variables.map((variable) => variable.name))),
    ].sort();
    const dotenv = one.wanted.dotenv;
    groups.set(key, {
      key,
      project: one.project.name,
      folder: folderOf(one.composeFile) || '.',
      env:
        dotenv === 'commit'
          ? { bytes: bytes.get(dotenvPath(one)) ?? new Uint8Array() }
          : dotenv === 'host'
            ? 'real'
            : 'none',
      file: one.composeBytes,
      skeleton: skeleton(
        one.compose,
        members.map((member) => member.module.service),
        variables,
      ),
    });
  }
  return prepared.map((one) => ({ one, group: groups.get(keyOf(one)) as ComposeGroup }));
}

/** Between the rounds: what compose resolved is judged (G-7), and what to ask next follows from it. */
async function halfway(
  one: Prepared,
  group: ComposeGroup,
  first: FirstRound,
  status: Status | null,
  context: PlanContext,
): Promise<Halfway | { failures: Failure[] }> {
  const { module } = one;
  const id = module.id;
  const where = { file: module.composeFile };
  const answer = first.skeletons.get(group.key);
  const hashes = first.hashes.get(group.key);
  const refused = (why: string): { failures: Failure[] } => ({
    failures: [
      fail(
        id,
        'PCTL-COMPOSE-REFUSED',
        EXIT_INVALID,
        `docker compose on ${module.host} does not take ${module.composeFile}`,
        'mend the compose file, or the variables that it takes from .env',
        why,
        where,
      ),
    ],
  });
  if (typeof answer === 'object' && answer !== null && 'why' in answer && Object.keys(answer).length === 1)
    return refused(String(answer.why));
  const read = readSkeleton(answer, module.service, one.compose);
  const missing = one.references.variables.filter(
    (variable) => variable.required && read.variables.get(variable.name) !== true,
  );
  if (missing.length > 0) {
    return {
      failures: missing.map((variable) =>
        fail(
          id,
          'PCTL-VARIABLE-MISSING',
          EXIT_INVALID,
          `variable ${variable.name} has no value and no default`,
          `set it in the .env beside ${module.composeFile}, or write \${${variable.name}:-default}`,
          'values come from the .env beside the compose file and from nothing else',
          variable.where,
        ),
      ),
    };
  }
  if (!(hashes instanceof Map)) return refused((hashes as { why: string } | undefined)?.why ?? 'no hash');
  const hashNow = hashes.get(module.service);
  if (!hashNow) return refused(`compose printed no hash for ${module.service}`);
  const verdict = judgeResolved(
    read.resolved,
    { ...one.context, dockerGroups: first.engine.socketGroup === null ? [] : [first.engine.socketGroup] },
    { file: one.compose, service: module.service },
  );
  if (verdict.denials.length > 0) return { failures: denialFailures(id, verdict) };

  // Paths that held a variable are known now.
  const resolvedReferences = {
    ...one.references,
    envFiles: [...one.references.envFiles, ...read.envFiles.map((path) => ({ path, required: true, where })),
      ...read.optionalEnvFiles.map((path) => ({ path, required: false, where })),],
    files: [
      ...one.references.files,
      ...read.files.map(({ path, kind }) => ({ path: relative(one, path), kind, where })),
      ...boundBeneath(one, read.binds),
    ],
  };
  const wanted = wantedFiles(module, one.host, resolvedReferences, one.tree);
  if (wanted.problems.length > 0) {
    return {
      failures: wanted.problems.map((problem) =>
        fail(id, problem.code, EXIT_INVALID, problem.message, problem.hint ?? null, null, problem),
      ),
    };
  }
  const entries = wanted.files.flatMap((file) => (file.entry ? [file.entry.path] : []));
  const contents = await context.read(entries);
  const bytes = new Map<string, Uint8Array>();
  const files = wanted.files.map((file): PlannedFile => {
    const content = file.entry ? contents.get(file.entry.path) : undefined;
    if (content) bytes.set(file.path, content);
    return {
      path: file.path,
      source: file.source,
      role: file.role,
      blob: file.entry?.id ?? null,
      sha256: content ? sha256(content) : null,
      keyed: null,
      mode: file.entry ? (file.entry.mode === '100755' ? '0755' : '0644') : null,
    };
  });
  const applied = status !== null && status.plan_digest !== null ? status : null;
  const compose = files.find((file) => file.role === 'compose');
  const lastCompose = applied?.files.find((file) => file.role === 'compose');
  const compare = applied !== null && lastCompose?.sha256 !== compose?.sha256 && applied.definition_hash !== hashNow;
  const there = first.containers.some(
    (container) => container.project === one.project.name && container.service === module.service,
  );
  const dotenvPath = onHost(one.host, join(folderOf(module.composeFile), '.env') as string) as string;
  const outside = read.binds
    .filter((bind) => !bind.source.startsWith(`${one.host.remoteRoot}/`))
    .map((bind) => bind.source);
  const last = (applied?.files ?? []).filter((file) => file.source === 'commit').map((file) => file.path);
  return {
    prepared: one,
    group,
    wanted,
    skeleton: read,
    status,
    files,
    bytes,
    hashNow,
    verdict,
    exceptions: [...one.verdict.exceptions, ...verdict.exceptions].filter(
      (entry, index, all) =>
        all.findIndex((other) => other.rule === entry.rule && other.value === entry.value) === index,
    ),
    warnings: [...new Set([...one.verdict.warnings, ...verdict.warnings])],
    questions: {
      group,
      files: [
        ...new Set([
          ...files.filter((file) => file.source === 'commit').map((file) => file.path),
          ...wanted.mounts.map((mount) => mount.path),
          ...last,
          ...(wanted.dotenv === 'none' ? [dotenvPath] : []),
        ]),
      ],
      hostFiles: files.filter((file) => file.source === 'host').map((file) => file.path),
      image: read.image,
      release:
        compare && applied?.plan_digest
          ? { module: id, digest: applied.plan_digest, composeFile: lastCompose?.path ?? one.composeFile }
          : null,
      labelOf: applied === null && there ? module.service : null,
      binds: [...new Set(outside)],
      containerName: read.containerName,
      dotenv: wanted.dotenv === 'host' ? dotenvPath : null,
    },
  };
}

/** An absolute path beneath remote_root as one relative to the compose file's folder; others as they are. */
function relative(one: Prepared, path: string): string {
  const root = `${one.host.remoteRoot}/`;
  if (!path.startsWith(root)) return path;
  const up = folderOf(one.composeFile)
    .split('/')
    .filter(Boolean)
    .map(() => '..');
  return [...up, path.slice(root.length)].join('/');
}

function boundBeneath(one: Prepared, binds: readonly { source: string; target: string; readOnly: boolean }[]) {
  return binds
    .filter((bind) => bind.source.startsWith(`${one.host.remoteRoot}/`))
    .map((bind) => ({
      path: relative(one, bind.source),
      kind: 'mount' as const,
      where: { file: one.module.composeFile },
    }));
}

function deliveredBy(statuses: ReadonlyMap<string, Status>): Map<string, Set<string>> {
  const delivered = new Map<string, Set<string>>();
  for (const status of statuses.values()) {
    for (const file of status.files) {
      if (file.source !== 'commit' || file.sha256 === null) continue;
      const set = delivered.get(file.path) ?? new Set();
      set.add(file.sha256);
      delivered.set(file.path, set);
    }
  }
  return delivered;
}

const CHOWN = (root: string, path: string, user: string): string => `as root there: chown ${user} ${root}/${path}`;

/** What is on the host that must not be, or is not and must be (M-8, P-15, G-5). */
function hostProblems(half: Halfway, answers: Answers, first: FirstRound): Failure[] {
  const { prepared: one } = half;
  const id = one.module.id;
  const root = one.host.remoteRoot;
  const failures: Failure[] = [];
  const add = (
    code: string,
    exitCode: ExitCode,
    summary: string,
    hint: string,
    where: Failure['where'] = null,
  ): void => {
    failures.push(fail(id, code, exitCode, summary, hint, null, where ?? { host: one.module.host, step: 'observe' }));
  };
  const linked = (path: string, seen: FileSeen | undefined): boolean => {
    if (seen?.kind !== 'symlink' && seen?.kind !== 'outside') return false;
    const what =
      seen.kind === 'symlink' ? 'is a symlink on the host' : 'lies behind a symlink that leads out of remote_root';
    add('PCTL-GATE-SYMLINK', EXIT_POLICY_VIOLATION, `${root}/${path} ${what}`, 'put the real file or folder there');
    return true;
  };
  for (const file of half.files) {
    const seen = answers.files.get(file.path);
    if (linked(file.path, seen)) continue;
    if (file.source === 'host' && seen?.kind !== 'file') {
      if (seen?.kind === 'unreadable')
        add(
          'PCTL-HOST-FILE-UNREADABLE',
          EXIT_REMOTE_FAILED,
          `host file ${root}/${file.path} cannot be read by the agent`,
          `as root there: chgrp ${first.engine.user} ${root}/${file.path} && chmod g+r ${root}/${file.path}`,
        );
      else
        add(
          'PCTL-HOST-FILE-MISSING',
          EXIT_REMOTE_FAILED,
          `host file ${root}/${file.path} is ${seen?.kind === 'folder' ? 'a folder' : 'missing'} on ${one.module.host}`,
          'put it there by hand: platformctl never writes host files',
        );
    } else if (file.source === 'commit' && seen?.kind === 'unreadable') {
      add(
        'PCTL-HOST-UNREADABLE',
        EXIT_REMOTE_FAILED,
        `${root}/${file.path} cannot be read by the agent`,
        CHOWN(root, file.path, first.engine.user),
      );
    } else if (file.source === 'commit' && (seen?.kind === 'folder' || seen?.kind === 'other')) {
      add(
        'PCTL-HOST-NOT-A-FILE',
        EXIT_REMOTE_FAILED,
        `${root}/${file.path} is ${seen.kind === 'folder' ? 'a folder' : 'no file'} on ${one.module.host}`,
        'the engine makes a folder where a mounted file was missing: remove it there, if it is empty',
      );
    }
  }
  for (const mount of half.wanted.mounts) {
    const seen = answers.files.get(mount.path);
    if (linked(mount.path, seen)) continue;
    if (mount.looksLikeFile && seen?.kind === 'absent') {
      add(
        'PCTL-MOUNT-MISSING',
        EXIT_REMOTE_FAILED,
        `${mount.path} is neither in the commit, nor in host_files, nor on ${one.module.host}`,
        `commit it, or put it on the host and list it in host_files of ${one.module.manifestPath}`,
        mount.where,
      );
    }
  }
  for (const [path, seen] of answers.binds) {
    const sacred = seen.path === path ? null : sacredReason(seen.path, one.context.sacredPaths);
    const allowed = half.exceptions.some(
      (exception) =>
        (exception.rule === 'bind_sacred' || exception.rule === 'docker_socket') && exception.value === path,
    );
    if (sacred !== null && !allowed)
      add(
        'PCTL-GATE-SACRED',
        EXIT_POLICY_VIOLATION,
        `${path} leads to ${seen.path} on ${one.module.host}: ${sacred}`,
        'mount something else',
      );
  }
  if (answers.named !== null && answers.named !== `${one.project.name}/${one.module.service}`) {
    add(
      'PCTL-COMPOSE-CONTAINER-NAME',
      EXIT_POLICY_VIOLATION,
      `container_name ${half.skeleton.containerName} belongs to ${answers.named} on ${one.module.host}`,
      'choose another container_name',
    );
  }
  for (const name of answers.steering) {
    add(
      'PCTL-DOTENV-STEERS',
      EXIT_INVALID,
      `${name} in the .env on ${one.module.host} would steer compose itself`,
      'take it out of the .env',
      { file: half.questions.dotenv ?? '.env', host: one.module.host },
    );
  }
  const dotenv = half.files.find((file) => file.role === 'dotenv' && file.source === 'commit');
  const text = dotenv ? new TextDecoder().decode(half.bytes.get(dotenv.path)) : '';
  for (const match of text.matchAll(/^\s*(?:export\s+)?((?:COMPOSE|DOCKER)_[A-Za-z0-9_]*)\s*=/gm)) {
    add(
      'PCTL-DOTENV-STEERS',
      EXIT_INVALID,
      `${match[1]} in ${dotenv?.path} would steer compose itself`,
      'take it out of the .env',
      { file: dotenv?.path ?? '.env' },
    );
  }
  const engine = first.engine;
  if (one.module.delivery === 'push' && engine.workTree !== null) {
    add(
      'PCTL-DELIVERY-WORKTREE',
      EXIT_POLICY_VIOLATION,
      `${root} on ${one.module.host} is a git work tree; platformctl does not write into it`,
      'set delivery: verify, and let what pulls it go on pulling',
    );
  }
  const http = one.module.smoke.http;
  if (http && (engine.http === 'none' || (engine.http === 'nc' && !http.url.startsWith('http://')))) {
    add(
      'PCTL-HOST-HTTP',
      EXIT_REMOTE_FAILED,
      `smoke.http needs curl or wget on ${one.module.host}`,
      'install curl there',
    );
  }
  return failures;
}

async function finish(
  half: Halfway,
  answers: Answers,
  first: FirstRound,
  delivered: Observation['delivered'],
  context: PlanContext,
  interrupted: Interrupted | null,
): Promise<Looked | { failures: Failure[] }> {
  const { prepared: one, status, skeleton: read } = half;
  const { module, host } = one;
  const failures = hostProblems(half, answers, first);
  const before = answers.release ? parseCompose(answers.release.compose, one.module.composeFile) : null;
  const composeBefore = before?.ok ? before.file : null;
  const changedVolumes = composeBefore ? volumesOrNetworksChanged(composeBefore, one.compose, module.service) : [];
  for (const name of changedVolumes) {
    failures.push(
      fail(
        module.id,
        'PCTL-VOLUME-CHANGED',
        EXIT_POLICY_VIOLATION,
        `the definition of ${name} changed, and it exists already`,
        'compose keeps the old one or destroys its data: move the data by hand to one with a new name',
        'volume_changed',
        one.compose.place(name.split('.')),
      ),
    );
  }
  if (failures.length > 0) return { failures };

  const projectContainers = first.containers.filter((container) => container.project === one.project.name);
  const containers = projectContainers
    .filter((container) => container.service === module.service)
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  const hashesBefore = answers.release?.hashes;
  const observation: Observation = {
    engine: first.engine,
    status,
    containers,
    projectContainers,
    files: answers.files,
    imageId: answers.imageId,
    hashNow: half.hashNow,
    // A release that is gone, or that today's compose refuses, cannot be told to be the same.
    hashBefore:
      half.questions.release === null
        ? null
        : hashesBefore instanceof Map
          ? (hashesBefore.get(module.service) ?? 'unknown')
          : 'unknown',
    composeBefore,
    labelHash: answers.labelHash,
    resolved: read.resolved,
    variables: read.variables,
    delivered,
    held: context.holding !== true && first.held.some((lock) => lock.name === `module.${module.id}`),
  };
  const files = half.files.map((file) =>
    file.source === 'host' ? { ...file, keyed: answers.files.get(file.path)?.digest ?? null } : file,
  );
  const folders = foldersFor(
    files,
    half.wanted.mounts
      .filter((mount: MountSource) => answers.files.get(mount.path)?.kind === 'absent')
      .map((mount) => mount.path),
  );
  const usesDotenv =
    one.references.variables.some((variable) => read.variables.get(variable.name) === true) ||
    one.references.envFiles.some((file) => file.path.replace(/^\.\//, '') === '.env');
  const changes = changesOf(
    { module, compose: one.compose, files, usesDotenv, imageReference: read.image },
    observation,
  );
  const affected = alsoAffected(one.compose, module.service);
  const tenants = [...one.compose.services.keys()].filter(
    (name) => name !== module.service && references(one.compose, name).namespacesOf.includes(module.service),
  );
  const relation = await context.relation(status?.last_apply_sha ?? null);
  const changed = changes.changes.some((change) => change.action !== 'none');
  const destructive: string[] = [];
  if (changes.recreates && module.protected) destructive.push('recreates a protected module');
  if (changes.recreates) for (const name of tenants) destructive.push(`${name} lives in its namespaces and loses them`);
  if (changed && relation === 'diverged') destructive.push('the commit diverged from the applied one');
  const warnings = [...half.warnings];
  const dotenvSeen =
    half.wanted.dotenv === 'none'
      ? answers.files.get(onHost(host, join(folderOf(module.composeFile), '.env') as string) as string)
      : undefined;
  if (dotenvSeen?.kind === 'file')
    warnings.push(
      `the .env beside ${one.composeFile} on ${module.host} is not read: it is neither in the commit nor in host_files`,
    );
  if (interrupted)
    warnings.push(
      `run ${interrupted.runId.slice(0, 8)} never recorded its end; judged ${interrupted.outcome}: ${interrupted.why}`,
    );
  if (changed && relation === 'ancestor')
    warnings.push('the commit is older than the applied one: apply will refuse it (use rollback)');
  const tenantNote = tenants
    .filter((name) => !affected.some((entry) => entry.service === name))
    .map((service) => ({ service, why: 'lives in its namespaces' }));
  const plan = makePlan({
    version: context.version,
    createdAt: context.createdAt,
    kind: 'apply',
    module,
    host,
    project: one.project,
    composeFile: one.composeFile,
    sourceSha: context.sourceSha,
    sourceDirty: context.dirty(one, files),
    manifest: one.manifest,
    policy: context.policyOf(one),
    files,
    folders,
    imageReference: read.image,
    resolved: read.resolved,
    hasHealthcheck: one.references.hasHealthcheck,
    stopGraceSeconds: one.references.stopGraceSeconds,
    observation,
    changes,
    alsoAffected: changes.recreates || observation.containers.length === 0 ? [...affected, ...tenantNote] : [],
    destructive,
    verdict: { exceptions: half.exceptions, warnings },
    warnings: [],
  });
  return {
    plan,
    protected: module.protected,
    job: module.smoke.exits !== null,
    lastApplied:
      status?.last_apply_sha && status.applied_at
        ? {
            sha: status.last_apply_sha,
            at: status.applied_at,
            by: status.approved_by,
            image: status.image?.reference ?? null,
          }
        : null,
    observation,
    prepared: one,
    wanted: half.wanted,
    interrupted,
    resolvedVerdict: half.verdict,
    bytes: half.bytes,
  };
}

/** What is there and the commit does not declare: statuses without a module, containers of our projects without one (P-13). Never touched. */
function undeclaredOn(
  host: string,
  first: FirstRound,
  statuses: ReadonlyMap<string, Status>,
  prepared: readonly Prepared[],
  context: PlanContext,
): Undeclared[] {
  const found: Undeclared[] = [];
  for (const [id, status] of statuses) {
    if (context.declared.get(id)?.host === host || status.plan_digest === null) continue;
    found.push({
      host,
      project: String(status.project ?? ''),
      service: String(status.service ?? ''),
      module: id,
      state: 'managed before',
    });
  }
  const services = new Set([...context.declared.values()].filter((one) => one.host === host).map((one) => one.service));
  const projects = new Set(prepared.map((one) => one.project.name));
  for (const container of first.containers) {
    if (!container.project || !container.service || !projects.has(container.project) || services.has(container.service))
      continue;
    if (found.some((one) => one.project === container.project && one.service === container.service)) continue;
    found.push({ host, project: container.project, service: container.service, module: null, state: container.state });
  }
  return found.sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** A whole host that could not be looked at: every one of its modules failed for the same reason (P-9). */
export function hostFailures(error: unknown, prepared: readonly Prepared[]): Failure[] {
  if (!(error instanceof PlatformError)) throw error;
  return prepared.map((one) => failureOf(error, one.module.id));
}
