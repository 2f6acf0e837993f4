/** One module's observation and its plan, from the answers of both rounds. */
import { alsoAffected, landlordsOf, tenantsOf } from '../compose/affected.js';
import { resolvedEntriesChanged, volumesOrNetworksChanged } from '../compose/diff.js';
import { parseCompose } from '../compose/file.js';
import type { Resolved } from '../compose/model.js';
import type { Answers, FirstRound } from '../execute/observe.js';
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import { sha256 } from '../plan/artifact.js';
import { changesOf } from '../plan/changes.js';
import { tenantsSeen } from '../plan/container-reasons.js';
import { dotenvOf, inRepo, type MountSource, onHost } from '../plan/files.js';
import type { Interrupted } from '../plan/interrupted.js';
import { foldersFor, makePlan, PROTECTED_REASON, tenantReason } from '../plan/make.js';
import { madeElsewhere, type Observation } from '../plan/observation.js';
import { keptPlan } from '../plan/release.js';
import { hostProblems } from './host-problems.js';
import { judgeKept } from './kept-release.js';
import {
  appliedBefore,
  type Delivered,
  fail,
  type Halfway,
  interruptedWords,
  type Looked,
  type PlanContext,
} from './looks.js';
import type { Failure } from './results.js';

/** @param recreated services of its project that plans of the same call recreate (P-14) */
export async function planOf(
  half: Halfway,
  answers: Answers,
  first: FirstRound,
  delivered: Delivered,
  context: PlanContext,
  interrupted: Interrupted | null,
  recreated: ReadonlySet<string>,
): Promise<Looked | { failures: Failure[] }> {
  const { prepared: one, status, skeleton: read } = half;
  const { module, host } = one;
  const failures = hostProblems(half, answers, first);
  const before = answers.release ? parseCompose(answers.release.compose, one.module.composeFile) : null;
  const composeBefore = before?.ok ? before.file : null;
  const { lastPlan } = half.questions;
  const resolvedBefore = lastPlan ? keptPlan(answers.lastPlan, lastPlan.digest)?.resolved : undefined;
  const changedVolumes = [
    ...(composeBefore ? volumesOrNetworksChanged(composeBefore, one.compose, module.service) : []),
    ...(resolvedBefore ? resolvedEntriesChanged(resolvedBefore as Resolved, read.resolved) : []),
  ];
  for (const name of new Set(changedVolumes)) {
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
          : status?.definition_hash === half.hashNow
            ? half.hashNow
            : 'unknown',
    composeBefore,
    labelHash: answers.labelHash,
    resolved: read.resolved,
    variables: read.variables,
    delivered: delivered.digests,
    namedByOthers: delivered.byOthers(module.id),
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
  // Variables alone made another definition than the recorded one: what the `.env` gives, or no more gives, is why.
  const variablesMoved =
    status?.plan_digest != null &&
    status.compose_version === first.engine.composeVersion &&
    status.definition_hash !== half.hashNow &&
    (observation.hashBefore === null || observation.hashBefore === half.hashNow);
  const usesDotenv =
    variablesMoved ||
    one.references.variables.some((variable) => read.variables.get(variable.name) === true) ||
    half.wanted.dotenvRoles.length > 0;
  const release = context.rollback
    ? judgeKept(
        half,
        answers,
        { resolved: read.resolved, files, remote_root: host.remoteRoot },
        context.holding === true,
      )
    : null;
  if (release && 'failures' in release) return release;
  const changes = changesOf(
    {
      module,
      compose: one.compose,
      files,
      usesDotenv,
      mountsDotenv: half.wanted.dotenvRoles.some((role) => role !== 'env_file'),
      entriesCompared: resolvedBefore !== undefined,
      imageReference: read.image,
      landlords: landlordsOf(read.resolved).filter((service) => recreated.has(service)),
      ...(context.rollback
        ? { image: { id: context.rollback.imageId, moved: 'image of the release: same tag, another image' } }
        : {}),
      inCommit: (path) => one.tree.file(inRepo(host, path)) !== undefined,
    },
    observation,
  );
  const living = tenantsSeen(observation).map((container) => container.service ?? container.name);
  const tenants = [...new Set([...tenantsOf(one.compose, module.service), ...living.sort()])];
  const affected = alsoAffected(one.compose, module.service, tenants);
  const relation = await context.relation(status?.last_apply_sha ?? null);
  const changed = changes.changes.some((change) => change.action !== 'none');
  const destructive: string[] = [];
  if (changes.recreates && (module.protected || (await wasProtected(half, context))))
    destructive.push(PROTECTED_REASON);
  if (changes.recreates) destructive.push(...tenants.map(tenantReason));
  if (changed && relation === 'diverged') destructive.push('the commit diverged from the applied one');
  destructive.push(...(release?.destructive ?? []));
  const warnings = [...half.warnings, ...(release?.warnings ?? [])];
  const dotenvSeen =
    half.wanted.dotenv === 'none' ? answers.files.get(onHost(host, dotenvOf(module)) as string) : undefined;
  if (dotenvSeen?.kind === 'file')
    warnings.push(
      `the .env beside ${one.composeFile} on ${module.host} is not read: it is neither in the commit nor in host_files`,
    );
  if (changes.recreates && madeElsewhere(observation, one.composeFile))
    warnings.push(
      `${one.composeFile} is not on ${module.host} yet: what runs now was made from another file, and could not be put back by a roll back`,
    );
  if (interrupted) warnings.push(interruptedWords(interrupted));
  if (changed && relation === 'ancestor' && !context.rollback)
    warnings.push('the commit is older than the applied one: apply will refuse it (use rollback)');
  const plan = makePlan({
    version: context.version,
    createdAt: context.createdAt,
    kind: context.rollback ? 'rollback' : 'apply',
    module,
    host,
    project: one.project,
    composeFile: one.composeFile,
    sourceSha: context.sourceSha,
    sourceDirty: context.dirty(one, files),
    manifestDigest: sha256(one.manifest),
    policy: context.policyOf(one),
    files,
    folders,
    imageReference: read.image,
    ...(context.rollback ? { imageId: context.rollback.imageId } : {}),
    resolved: read.resolved,
    hasHealthcheck: one.references.hasHealthcheck,
    stopGraceSeconds: one.references.stopGraceSeconds,
    observation,
    changes,
    alsoAffected: changes.recreates || observation.containers.length === 0 ? affected : [],
    destructive,
    verdict: { exceptions: half.exceptions, warnings },
    warnings: [],
  });
  return {
    plan,
    protected: module.protected,
    job: module.smoke.exits !== null,
    lastApplied: appliedBefore(status),
    observation,
    dotenv: half.wanted.dotenv,
    volumes: one.references.volumes,
    interrupted,
    verdicts: { text: one.verdict, resolved: half.verdict },
    bytes: half.bytes,
  };
}

/** G-8: the commit that takes `protected` away does not decide on that alone. */
async function wasProtected({ prepared, status }: Halfway, context: PlanContext): Promise<boolean> {
  const last = status?.last_apply_sha ?? null;
  return last !== null && (await context.declaredAt(last, prepared.module.id))?.protected === true;
}
