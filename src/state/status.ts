/** Status documents: reading one, and what each outcome of a run makes of it. Pure. */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID, EXIT_REMOTE_FAILED } from '../exits.js';
import type { Plan, Status } from '../manifest/types.js';

const VERSION = '1.0';
const MAJOR = '1';
const KEPT_PREVIOUS = 5;
const KEPT_SPENT = 20;

/**
 * @throws PlatformError PCTL-STATUS-VERSION (3) for an unknown major version, PCTL-STATUS-DAMAGED (7) for what is no status document
 */
export function parseStatus(bytes: Uint8Array, place: { host?: string; file?: string }): Status {
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    data = null;
  }
  const document = (typeof data === 'object' && data !== null ? data : {}) as Partial<Status>;
  const version = typeof document.schema_version === 'string' ? document.schema_version : '';
  if (version !== '' && version.split('.')[0] !== MAJOR) {
    throw new PlatformError({
      code: 'PCTL-STATUS-VERSION',
      exit: EXIT_INVALID,
      summary: `the status of ${String(document.module)} has schema version ${version.slice(0, 20)}; this platformctl reads ${MAJOR}.x`,
      where: place,
      hint: 'use the newer platformctl that wrote it',
    });
  }
  const whole =
    version !== '' &&
    typeof document.module === 'string' &&
    Number.isSafeInteger(document.serial) &&
    typeof document.outcome === 'string' &&
    Array.isArray(document.files) &&
    Array.isArray(document.spent) &&
    Array.isArray(document.previous);
  if (!whole) {
    throw new PlatformError({
      code: 'PCTL-STATUS-DAMAGED',
      exit: EXIT_REMOTE_FAILED,
      summary: 'a status document is damaged',
      where: place,
      hint: 'look at it by hand; it is written whole or not at all, so something else touched it',
    });
  }
  return document as Status;
}

export interface Run {
  readonly id: string;
  readonly who: string;
  /** YYYY-MM-DDTHH:MM:SSZ */
  readonly since: string;
  readonly approvedBy: readonly string[];
  readonly pr: number | null;
  /** What V-4 will compare with, known at `go`. */
  readonly imageId: string | null;
  readonly definitionHash: string | null;
  /** What judged (G-1). */
  readonly policy: { readonly ref: string; readonly sha: string };
}

/** The documents that the host writes, each less the members that only the host knows (see finish.sh `record`). */
export interface Heads {
  readonly applying: string;
  readonly applied: string;
  readonly rolled_back: string;
  readonly rollback_failed: string;
  readonly not_adopted: string;
  readonly removed: string;
  /** For whoever finds that the run never recorded its end. */
  readonly unknown: string;
}

function nothing(plan: Plan): Omit<Status, 'attempt' | 'audit'> {
  return {
    schema_version: VERSION,
    module: plan.module,
    host: plan.host,
    project: plan.project,
    service: plan.service,
    serial: 0,
    outcome: 'never_applied',
    kind: plan.kind,
    last_apply_sha: null,
    last_apply_pr: null,
    plan_digest: null,
    approved_by: [],
    run_id: null,
    applied_at: null,
    image: null,
    container_id: null,
    definition_hash: null,
    container_hash: null,
    compose_version: null,
    files: [],
    previous: [],
    intent: null,
    spent: [],
  };
}

const open = (document: object): string => JSON.stringify(document).slice(0, -1);

/** Every outcome's document of one run. `before`: what the host had, null where it had none. */
export function statusHeads(before: Status | null, plan: Plan, run: Run): Heads {
  const base: Status = { ...nothing(plan), attempt: null, audit: null, ...(before ?? {}) } as Status;
  const serial = base.serial + 1;
  const spent = [plan.digest, ...base.spent.filter((digest) => digest !== plan.digest)].slice(0, KEPT_SPENT);
  const attempt = { run_id: run.id, sha: plan.source_sha, plan_digest: plan.digest };
  const { audit: _audit, attempt: lastAttempt, ...kept } = base;
  const applying = open({
    ...kept,
    serial,
    spent,
    outcome: 'applying',
    intent: { run_id: run.id, sha: plan.source_sha, plan_digest: plan.digest, serial, since: run.since },
    attempt: lastAttempt ?? null,
  });
  const ended = (outcome: Status['outcome'], members: object): string =>
    `${open(members)},"attempt":${open({ ...attempt, outcome })},"why":"`;
  const { container_id: _id, container_hash: _hash, ...asBefore } = { ...kept, serial, spent, intent: null };
  const { applied_at: _at, since: _since, ...rest } = asBefore;
  const applied = {
    ...rest,
    project: plan.project,
    service: plan.service,
    outcome: 'applied',
    kind: plan.kind,
    last_apply_sha: plan.source_sha,
    last_apply_pr: run.pr,
    plan_digest: plan.digest,
    approved_by: [...run.approvedBy],
    run_id: run.id,
    image: { reference: plan.image.reference, id: run.imageId },
    ...firstApplied(before, plan, run.imageId),
    definition_hash: run.definitionHash,
    compose_version: plan.observed?.identity.compose_version ?? null,
    files: plan.files.map(({ path, source, role, sha256, keyed, mode }) => ({
      path,
      source,
      role,
      sha256,
      keyed,
      mode,
      delivered: source === 'commit' && deliveredBy(plan, before, path),
    })),
    smoke: plan.smoke,
    exceptions: plan.exceptions.length,
    policy: run.policy,
    previous: keptReleases(before, { sha: plan.source_sha, image_id: run.imageId, plan_digest: plan.digest }),
  };
  const { smoke: _smoke, ...unlike } = rest;
  const removed = {
    ...unlike,
    outcome: 'removed',
    kind: plan.kind,
    last_apply_sha: null,
    last_apply_pr: null,
    plan_digest: null,
    approved_by: [...run.approvedBy],
    run_id: run.id,
    applied_at: null,
    image: null,
    definition_hash: null,
    compose_version: null,
    files: [],
    exceptions: 0,
    policy: run.policy,
    previous: keptReleases(before, null),
  };
  return {
    applying,
    applied: ended('applied', applied),
    rolled_back: ended('rolled_back', { ...asBefore, outcome: 'rolled_back' }),
    rollback_failed: ended('rollback_failed', { ...asBefore, outcome: 'rollback_failed' }),
    not_adopted: ended('remote_failed', { ...asBefore, outcome: 'remote_failed' }),
    removed: ended('removed', removed),
    unknown: ended('unknown', { ...asBefore, outcome: 'unknown' }),
  };
}

type Release = Status['previous'][number];

/** What was applied last, as the release that it is kept as; null where nothing is applied. */
function currentRelease(status: Status | null): Release | null {
  if (status === null) return null;
  const { last_apply_sha: sha, plan_digest: digest, applied_at: at, since, image, approved_by: by } = status;
  if (sha === null || digest === null || at === null) return null;
  const ran = since === undefined ? { applied_at: at } : { applied_at: at, since };
  return { sha, plan_digest: digest, ...ran, image_id: image?.id ?? null, approved_by: [...by] };
}

type Which = Pick<Release, 'sha' | 'image_id'>;

/** One commit with one image is one release. */
const same = (a: Which, b: Which): boolean => a.sha === b.sha && a.image_id === b.image_id;

/** A rollback to a release, or another apply of what runs, leaves it its place in the order of releases; any other apply makes it the newest. */
function firstApplied(before: Status | null, plan: Plan, imageId: string | null): { since?: string } {
  const last = currentRelease(before);
  const known = [...(last ? [last] : []), ...(plan.kind === 'rollback' ? (before?.previous ?? []) : [])];
  const release = known.find((one) => same(one, { sha: plan.source_sha, image_id: imageId }));
  return release ? { since: release.since ?? release.applied_at } : {};
}

/**
 * The releases that stay kept beside what runs from now on, newest first; each once, however often it was applied: a service that was started again five times
 * still has something to go back to.
 */
function keptReleases(before: Status | null, now: (Which & Pick<Release, 'plan_digest'>) | null): Release[] {
  const last = currentRelease(before);
  const known = [...(last ? [last] : []), ...(before?.previous ?? [])];
  return known
    .filter((one, index) => known.findIndex((other) => same(one, other)) === index)
    .filter((one) => now === null || (one.plan_digest !== now.plan_digest && !same(one, now)))
    .slice(0, KEPT_PREVIOUS);
}

/** Digests of releases that fall off when this plan is applied (the last 5 are kept beside the one that runs, B-2). */
export function releasesToDrop(before: Status | null, plan: Plan, imageId: string | null): string[] {
  if (before === null) return [];
  const kept = keptReleases(before, { sha: plan.source_sha, image_id: imageId, plan_digest: plan.digest });
  const staying = new Set([plan.digest, ...kept.map((one) => one.plan_digest)]);
  const known = [before.plan_digest, ...before.previous.map((one) => one.plan_digest)];
  return [...new Set(known)].filter((digest): digest is string => digest !== null && !staying.has(digest));
}

/** Whether a file of the commit lies on the host because platformctl put it there, now or before: only such a one is ever removed (P-15). What was adopted is not. */
function deliveredBy(plan: Plan, before: Status | null, path: string): boolean {
  const change = plan.changes.find((one) => one.target === `file.${path}`);
  const put = change !== undefined && change.action !== 'none' && change.action !== 'remove';
  return put || (before?.files.some((one) => one.path === path && one.delivered === true) ?? false);
}
