/** One module's plan from everything that was gathered (P-3). Pure: the same values give the same bytes. */
import type { Verdict } from '../compose/model.js';
import type { HostConfig, ServiceModule } from '../manifest/model.js';
import { folderOf } from '../manifest/paths.js';
import type { Plan } from '../manifest/types.js';
import { changeDigest, planDigest } from './artifact.js';
import type { Changes } from './changes.js';
import type { PlannedFile } from './files.js';
import { ABSENT, conditionOf, hasDigest, type Observation } from './observation.js';

/** Seconds that an engine may take beyond `stop_grace_period` until an old container is gone. */
const AFTER_GRACE = 5;

export interface Ingredients {
  readonly version: string;
  readonly createdAt: string;
  readonly kind: Plan['kind'];
  readonly module: Pick<ServiceModule, 'id' | 'host' | 'service' | 'delivery' | 'smoke'>;
  readonly host: HostConfig;
  readonly project: { readonly name: string; readonly source: Plan['project_source'] };
  /** Beneath remote_root. */
  readonly composeFile: string;
  readonly sourceSha: string;
  readonly sourceDirty: boolean;
  readonly manifestDigest: string;
  readonly policy: Plan['policy'];
  readonly files: readonly PlannedFile[];
  readonly folders: readonly string[];
  readonly imageReference: string;
  /** Of the release that a rollback goes back to; else what the reference means on the host. */
  readonly imageId?: string | null;
  readonly resolved: Plan['resolved'];
  readonly hasHealthcheck: boolean;
  readonly stopGraceSeconds: number;
  /** null: offline. */
  readonly observation: Observation | null;
  readonly changes: Changes;
  readonly alsoAffected: Plan['also_affected'];
  /** Services whose recreate breaks others' namespaces, diverged commit, protected ... */
  readonly destructive: readonly string[];
  readonly verdict: Pick<Verdict, 'exceptions' | 'warnings'>;
  readonly warnings: readonly string[];
}

/** V-1: 30 s, with a healthcheck 10; after an interrupted run at least as long as the old container may take to stop. */
function smokeOf(
  module: Pick<ServiceModule, 'smoke'>,
  hasHealthcheck: boolean,
  stopGraceSeconds: number,
  leftover: boolean,
): Plan['smoke'] {
  const stable = module.smoke.stableSeconds ?? (hasHealthcheck ? 10 : 30);
  return {
    timeout_seconds: module.smoke.timeoutSeconds,
    stable_seconds: leftover ? Math.max(stable, stopGraceSeconds + AFTER_GRACE) : stable,
    healthcheck: hasHealthcheck,
    http: module.smoke.http ? { url: module.smoke.http.url, status: module.smoke.http.status } : null,
    exits: module.smoke.exits,
    stop_grace_seconds: stopGraceSeconds,
  };
}

type Identity = NonNullable<Plan['observed']>['identity'];

/**
 * A file as a plan names what was there (G-9). Bytes that no commit is known to have may hold a password: only what the host's key makes of their digest is told (M-8).
 *
 * @param wanted SHA-256 of the plan's own bytes for it
 */
export function identityOf(
  path: string,
  { files, delivered }: Pick<Observation, 'files' | 'delivered'>,
  wanted: string | null,
): Identity['files'][number] {
  const seen = files.get(path) ?? ABSENT;
  const { mode, uid } = seen;
  const kind = seen.kind === 'unreadable' || seen.kind === 'outside' ? 'other' : seen.kind;
  const known = seen.digest === wanted || (seen.digest !== null && delivered.get(path)?.has(seen.digest) === true);
  return { path, kind, digest: known ? seen.digest : (seen.keyed ?? seen.digest), mode, uid };
}

/** What is there now, for exactly the paths that a plan saw; `fresh`: as the same plan, made now, names it. */
export function identitiesNow(
  planned: Identity['files'],
  fresh: Identity['files'],
  observation: Pick<Observation, 'files' | 'delivered'>,
): Identity['files'] {
  const named = new Map(fresh.map((file) => [file.path, file]));
  return planned.map(({ path, digest }) => {
    const file = named.get(path) ?? identityOf(path, observation, null);
    // The same bytes, by the other one of their digests: whose they are known to be may have changed since.
    const seen = observation.files.get(path) ?? ABSENT;
    return digest !== null && hasDigest(seen, digest) ? { ...file, digest } : file;
  });
}

function observedOf(
  observation: Observation,
  files: readonly PlannedFile[],
  removed: readonly string[],
): NonNullable<Plan['observed']> {
  const wanted = new Map(files.map((file) => [file.path, file.sha256]));
  const paths = [...new Set([...wanted.keys(), ...removed])].sort();
  return {
    identity: {
      containers: observation.containers.map(({ id, image, configHash }) => ({ id, image, config_hash: configHash })),
      files: paths.map((path) => identityOf(path, observation, wanted.get(path) ?? null)),
      image_id: observation.imageId,
      serial: observation.status?.serial ?? 0,
      compose_version: observation.engine.composeVersion,
    },
    condition: conditionOf(observation.containers, observation.engine.now),
  };
}

export function makePlan(given: Ingredients): Plan {
  const { module, observation, changes } = given;
  const removed = changes.changes
    .filter((change) => change.action === 'remove' && change.target.startsWith('file.'))
    .map((change) => change.target.slice(5));
  const body: Omit<Plan, 'digest' | 'change_digest'> = {
    schema_version: '1.0',
    platformctl_version: given.version,
    kind: given.kind,
    module: module.id,
    host: module.host,
    remote_root: given.host.remoteRoot,
    project: given.project.name,
    project_source: given.project.source,
    compose_file: given.composeFile,
    service: module.service,
    delivery: module.delivery,
    source_sha: given.sourceSha,
    source_dirty: given.sourceDirty,
    offline: observation === null,
    manifest_digest: given.manifestDigest,
    policy: given.policy,
    files: [...given.files],
    folders: [...given.folders].sort(),
    image: { reference: given.imageReference, id: given.imageId ?? observation?.imageId ?? null },
    resolved: given.resolved,
    smoke: smokeOf(module, given.hasHealthcheck, given.stopGraceSeconds, changes.leftover),
    observed: observation ? observedOf(observation, given.files, removed) : null,
    changes: changes.changes.map(({ target, action, reasons }) => ({ target, action, reasons: [...reasons] })),
    also_affected: [...given.alsoAffected],
    recreates: changes.recreates,
    force_recreate: changes.forceRecreate,
    destructive: [...given.destructive],
    exceptions: given.verdict.exceptions.map(({ rule, value, reason }) => ({ rule, value, reason })),
    warnings: [...given.verdict.warnings, ...given.warnings],
    exitCode: changes.changes.some((change) => change.action !== 'none') ? 1 : 0,
    created_at: given.createdAt,
  };
  const withChange = { ...body, change_digest: changeDigest(body) };
  return { ...withChange, digest: planDigest(withChange) };
}

/** Folders to make before files are put or a mount is made: those named, and the parents of every file. */
export function foldersFor(files: readonly PlannedFile[], data: readonly string[]): string[] {
  const folders = new Set(data);
  for (const file of files) {
    if (file.source === 'commit' && folderOf(file.path) !== '') folders.add(folderOf(file.path));
  }
  return [...folders].sort();
}

/** Why removing a service is destructive (G-8). */
export const removedReason = (service: string): string => `${service} is removed`;

/** Why recreating a module that is `protected`, or was when it was applied last, is destructive (G-8). */
export const PROTECTED_REASON = 'recreates a protected module';

/** Why recreating a service is destructive for one that lives in its namespaces (P-14, G-8). */
export const tenantReason = (service: string): string => `${service} lives in its namespaces and loses them`;
