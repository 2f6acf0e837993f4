/** Going back to a release that is kept on the host (B-2). Pure. */
import type { Plan, Status } from '../manifest/types.js';
import { parsePlan } from './artifact.js';
import { shortName } from './file-state.js';
import type { FileSeen } from './observation.js';

export type Release = Status['previous'][number];

/** The kept release of a commit with an image: what a rollback plan is about, told from the plan alone. */
export function releaseOf(status: Status | null, sha: string, imageId: string | null): Release | null {
  return status?.previous.find((one) => one.sha === sha && one.image_id === imageId) ?? null;
}

/**
 * The release that a person asked for. `to`: the beginning of a commit, null for the one before what runs. `earlier`: those that lie before what runs: never
 * forward again, for after a rollback the newest of the others is the one that it came from.
 */
export function chooseRelease(
  status: Status,
  to: string | null,
  earlier: ReadonlySet<Release>,
): Release | 'unknown' | 'ambiguous' {
  if (to === null) {
    const anyOf = status.plan_digest === null;
    return status.previous.find((one) => anyOf || earlier.has(one)) ?? 'unknown';
  }
  const named = status.previous.filter((one) => one.sha.startsWith(to));
  const [newest] = named;
  if (!newest) return 'unknown';
  return named.every((one) => one.sha === newest.sha) ? newest : 'ambiguous';
}

/** Whether a release of the commit that runs was applied before what runs. */
export function ranBefore(one: Release, { since, applied_at: at }: Pick<Status, 'since' | 'applied_at'>): boolean {
  return (one.since ?? one.applied_at) < (since ?? at ?? '');
}

/** A release's plan as it lies on the host; null where it is not there, or not the one of that digest. */
export function keptPlan(bytes: Uint8Array, digest: string): Plan | null {
  try {
    const plan = parsePlan(bytes, 'plan.json');
    return plan.digest === digest ? plan : null;
  } catch {
    return null;
  }
}

type WithData = Pick<Plan, 'resolved' | 'files' | 'remote_root'>;

/** The mounts that hold data: not those of files that a plan delivers or that the host has for it. */
function dataMounts({ resolved, files, remote_root: root }: WithData): string[] {
  const service = (resolved as { service?: { volumes?: unknown } | null }).service;
  const mounts: unknown[] = Array.isArray(service?.volumes) ? service.volumes : [];
  return mounts
    .filter((mount): mount is Record<string, unknown> => typeof mount === 'object' && mount !== null)
    .filter(({ type }) => type !== 'tmpfs')
    .map(({ type, source, target }) => ({ type, source: String(source ?? 'anonymous'), target: String(target) }))
    .filter(({ type, source }) => {
      const path = source.startsWith(`${root}/`) ? source.slice(root.length + 1) : null;
      return type !== 'bind' || path === null || !files.some((file) => `${file.path}/`.startsWith(`${path}/`));
    })
    .map(({ source, target }) => `${shortName(source, `${root}/`)} at ${target}`)
    .sort();
}

/** G-8: where the release keeps its data otherwise than what runs, it starts on other data. */
export function volumesDiffer(release: WithData, running: WithData | null): string[] {
  if (running === null) return ['the volumes of what runs are not known'];
  const [old, now] = [dataMounts(release), dataMounts(running)];
  const named = (what: string, list: readonly string[]) => (list.length === 0 ? [] : [`${what} ${list.join(', ')}`]);
  const differs = [
    ...named(
      'without',
      now.filter((one) => !old.includes(one)),
    ),
    ...named(
      'with',
      old.filter((one) => !now.includes(one)),
    ),
  ];
  return differs.length === 0 ? [] : [`the volumes of the release differ: ${differs.join('; ')}`];
}

/** Host files that are not what the release ran with: nobody can put them back (M-8). */
export function hostFilesSince(release: Plan, seen: ReadonlyMap<string, FileSeen>): string[] {
  return release.files
    .filter((file) => file.source === 'host' && file.keyed !== (seen.get(file.path)?.digest ?? null))
    .map((file) => shortName(file.path, release.compose_file));
}
