/** The removal of a module from its host (P-13): what goes, what stays, and why. Pure; all of it from what was applied last, for the commit need not declare it. */
import type { Plan, Status } from '../manifest/types.js';
import { type Change, type Changes, NONE_OF_COMPOSE } from './changes.js';
import { tenantsSeen } from './container-reasons.js';
import { shortName } from './file-state.js';
import { removedReason, tenantReason } from './make.js';
import type { Observation } from './observation.js';

export interface Removal {
  readonly changes: Changes;
  readonly destructive: readonly string[];
  /** What stays on the host, named. */
  readonly kept: readonly string[];
}

/** A file of the last apply that stays, and why; null where it goes: platformctl brought it, and nobody else needs it (P-15). */
function staysBecause(
  file: Status['files'][number],
  observation: Observation,
  delivery: Plan['delivery'],
  inCommit: (path: string) => boolean,
): string | null {
  if (file.source === 'host') return 'host file';
  if (delivery === 'verify') return 'something else delivers it';
  if (file.delivered !== true) return 'platformctl did not put it there';
  if (observation.namedByOthers.has(file.path)) return 'another module has it too';
  if (inCommit(file.path)) return 'the commit has it';
  const seen = observation.files.get(file.path);
  return seen?.kind === 'file' && seen.digest === file.sha256 ? null : 'it was changed on the host';
}

/** `release`: the plan that was applied last, null where it is not kept: then no file is taken away. `inCommit`: by path beneath remote_root. */
export function removalOf(
  status: Status,
  release: Plan | null,
  observation: Observation,
  inCommit: (path: string) => boolean,
): Removal {
  const service = String(status.service);
  const composeFile = composeFileOf(status);
  const files: Change[] = [];
  const kept: string[] = release === null ? [] : dataOf(release);
  for (const file of status.files) {
    const target = `file.${file.path}`;
    const seen = observation.files.get(file.path)?.kind ?? 'absent';
    if (file.source === 'commit' && seen === 'absent') continue;
    const why = staysBecause(file, observation, release?.delivery ?? 'verify', inCommit);
    if (why === null)
      files.push({ target, action: 'remove', reasons: ['delivered by platformctl for this module alone'] });
    else {
      files.push({ target, action: 'none', reasons: [`kept: ${why}`] });
      kept.push(`${shortName(file.path, composeFile)} (${why})`);
    }
  }
  const tenants = tenantsSeen(observation);
  return {
    changes: {
      ...NONE_OF_COMPOSE,
      changes: [{ target: `compose.service.${service}`, action: 'remove', reasons: ['asked for'] }, ...files],
    },
    destructive: [removedReason(service), ...tenants.map((one) => tenantReason(one.service ?? one.name))],
    kept,
  };
}

export const composeFileOf = (status: Status): string =>
  status.files.find((file) => file.role === 'compose')?.path ?? 'compose.yaml';

/** Volumes and data folders, by the names that they have on the host. */
function dataOf({ resolved, remote_root: root, files, project }: Plan): string[] {
  const { service, volumes } = resolved as {
    service?: { volumes?: unknown } | null;
    volumes?: Record<string, { name?: unknown } | null> | null;
  };
  const mounts: unknown[] = Array.isArray(service?.volumes) ? service.volumes : [];
  const named: string[] = [];
  for (const mount of mounts) {
    if (typeof mount !== 'object' || mount === null) continue;
    const { type, source } = mount as { type?: unknown; source?: unknown };
    if (type === 'volume') {
      const name = typeof source === 'string' ? (volumes?.[source]?.name ?? `${project}_${source}`) : 'anonymous';
      named.push(`volume ${String(name)}`);
    } else if (type === 'bind' && typeof source === 'string' && source.startsWith(`${root}/`)) {
      const path = source.slice(root.length + 1);
      if (!files.some((file) => `${file.path}/`.startsWith(`${path}/`))) named.push(`data in ${path}`);
    }
  }
  return [...new Set(named)];
}
