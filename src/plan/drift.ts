/** What differs between a host and what was last applied there (P-11). Pure. */
import { entriesFromVariables } from '../compose/diff.js';
import type { ComposeFile } from '../compose/model.js';
import { references } from '../compose/references.js';
import type { Status } from '../manifest/types.js';
import type { Change } from './changes.js';
import { containerReasons, leftBehind } from './container-reasons.js';
import { shortName, word } from './file-state.js';
import { dotenvRoles } from './files.js';
import { hasDollar } from './named-paths.js';
import { ABSENT, type FileSeen, type Observation } from './observation.js';
import { composeFileOf } from './removal.js';

/** The module's own definition: in the compose file that lies on the host against the one that was applied. */
export interface Definition {
  readonly onHost: 'as applied' | 'other';
  /** Of the release; null where it is not kept or was not asked for. */
  readonly applied: ComposeFile | null;
  /** `config --hash` of the release under today's variables; null where it was not asked for. */
  readonly hashNow: string | null;
}

export interface Drift {
  readonly drifted: boolean;
  /** A newer file that another module's apply brought holds something new for this one. */
  readonly pending: boolean;
  /** [] without drift. */
  readonly changes: readonly Change[];
}

export const differs = (file: Status['files'][number], seen: FileSeen = ABSENT): boolean =>
  seen.kind !== 'file' || seen.digest !== (file.source === 'host' ? file.keyed : file.sha256);

/** Nothing of the service comes from its `.env`, as far as anybody can tell: its definition under today's variables is that of then. */
function unmoved(status: Status, { applied, hashNow }: Definition, composeVersion: string): boolean {
  const service = String(status.service);
  if (applied === null || !applied.services.has(service)) return false;
  const names = references(applied, service);
  const named =
    dotenvRoles({ composeFile: composeFileOf(status) }, names).length > 0 ||
    [...names.envFiles, ...names.files].some(({ path }) => hasDollar(path));
  if (named || entriesFromVariables(applied, service)) return false;
  return status.compose_version === composeVersion && hashNow !== null && hashNow === status.definition_hash;
}

export function driftOf(
  status: Status,
  observation: Observation,
  definition: Definition,
  delivery: 'push' | 'verify',
): Drift {
  const composeFile = composeFileOf(status);
  const reasons: string[] = [];
  let pending = false;
  for (const file of status.files) {
    const seen = observation.files.get(file.path) ?? ABSENT;
    const name = shortName(file.path, composeFile);
    const byOthers = seen.digest !== null && (observation.delivered.get(file.path)?.has(seen.digest) ?? false);
    if (!differs(file, seen)) {
      const mode = file.mode?.padStart(4, '0');
      if (delivery === 'push' && mode !== undefined && seen.mode !== mode)
        reasons.push(`file on host differs: ${name}`);
    } else if (file.role === 'compose' && seen.kind === 'file' && definition.onHost === 'as applied') {
      // Bytes that are not its own business: comments, a neighbour's service.
    } else if (
      file.role === 'dotenv' &&
      seen.kind === 'file' &&
      unmoved(status, definition, observation.engine.composeVersion)
    ) {
      // Values that it does not take.
    } else if (file.source === 'host') {
      reasons.push(`${word(file.role as Parameters<typeof word>[0])}: ${name}`);
    } else if (byOthers) pending = true;
    else reasons.push(`file on host differs: ${name}`);
  }
  const [only] = observation.containers.length === 1 ? observation.containers : [];
  reasons.push(...containerReasons(status.smoke?.exits ?? null, observation, status, only));
  if (leftBehind(observation)) reasons.push('left behind by an interrupted run');
  const unique = [...new Set(reasons)];
  const there = observation.containers.length > 0;
  const action = !there ? 'create' : unique.every((reason) => reason === 'not running') ? 'start' : 'update';
  return {
    drifted: unique.length > 0,
    pending,
    changes: unique.length === 0 ? [] : [{ target: `compose.service.${status.service}`, action, reasons: unique }],
  };
}
