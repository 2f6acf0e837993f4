/** desired + observed -> changes, each with exactly its reason (P-4, P-6). Pure. */
import { changedKeys, entriesFromVariables } from '../compose/diff.js';
import type { ComposeFile } from '../compose/model.js';
import type { ServiceModule } from '../manifest/model.js';
import type { Plan, Status } from '../manifest/types.js';
import { containerReasons, leftBehind } from './container-reasons.js';
import { fileState, shortName, word } from './file-state.js';
import type { PlannedFile } from './files.js';
import type { Container, Observation } from './observation.js';

export type Change = Plan['changes'][number];

export interface Changes {
  readonly changes: readonly Change[];
  readonly recreates: boolean;
  /** The reason is one that compose does not see. */
  readonly forceRecreate: boolean;
  readonly adopts: boolean;
  /** An interrupted `up` left something. */
  readonly leftover: boolean;
}

/** Of a plan by which compose is not run. */
export const NONE_OF_COMPOSE = { recreates: false, forceRecreate: false, adopts: false, leftover: false } as const;

export interface Desired {
  readonly module: ServiceModule;
  readonly compose: ComposeFile;
  readonly files: readonly PlannedFile[];
  /** The service takes a variable of its own definition from the `.env`, or names it. */
  readonly usesDotenv: boolean;
  /** It names it as a mount, config or secret, or mounts a folder that has it: compose does not look there. */
  readonly mountsDotenv?: boolean;
  /** Its volumes and networks were compared with those of the last plan: another one is refused, so these are as the container has them. */
  readonly entriesCompared?: boolean;
  readonly imageReference: string;
  /** Services whose container plans of the same call recreate, and in whose namespaces this one lives (P-14). */
  readonly landlords?: readonly string[];
  /** Of the release that a rollback goes back to, and the reason where another one runs; default: what the reference means on the host. */
  readonly image?: { readonly id: string | null; readonly moved: string };
  /** The commit has a file that lies at this path beneath remote_root. */
  readonly inCommit: (path: string) => boolean;
}

/** Files that the last apply delivered and the commit no longer has (P-15): where nobody else names them. */
function removals(desired: Desired, observation: Observation): Change[] {
  const wanted = new Set(desired.files.map((file) => file.path));
  const gone: Change[] = [];
  for (const last of observation.status?.files ?? []) {
    if (last.delivered !== true || wanted.has(last.path) || last.role === 'compose') continue;
    if (desired.inCommit(last.path) || observation.namedByOthers.has(last.path)) continue;
    const seen = observation.files.get(last.path);
    if (seen?.kind !== 'file' || seen.digest !== last.sha256) continue;
    gone.push({ target: `file.${last.path}`, action: 'remove', reasons: ['no longer in the commit'] });
  }
  return gone;
}

/** Files of variables that the last apply read and that this commit has no more: what they gave is gone from the service. */
function envFilesGone(
  desired: Desired,
  observation: Observation,
  applied: Status,
  definitionChanged: boolean,
): string[] {
  if (definitionChanged) return [];
  const wanted = new Set(desired.files.map((file) => file.path));
  return applied.files
    .filter(({ path }) => !wanted.has(path))
    .filter(({ role }) =>
      role === 'dotenv' ? desired.usesDotenv || applied.definition_hash !== observation.hashNow : role === 'env_file',
    )
    .map(({ path }) => path);
}

const losesNamespace = (landlord: string): string => `lives in a namespace of ${landlord}, which is recreated`;

/** The changes of one module. With `verify` delivery no file is ever written (3). */
export function changesOf(desired: Desired, observation: Observation): Changes {
  const { module, compose, imageReference } = desired;
  const image = desired.image ?? { id: observation.imageId, moved: 'image moved: same tag, new image' };
  const status = observation.status;
  const applied = status !== null && status.plan_digest !== null ? status : null;
  const states = desired.files.map((file) => fileState(file, observation));
  const [only] = observation.containers.length === 1 ? observation.containers : [];
  const there = observation.containers.length > 0;
  const composePath = desired.files.find((file) => file.role === 'compose')?.path ?? module.composeFile;
  const short = (path: string) => shortName(path, composePath);
  const landlords = desired.landlords ?? [];

  const reasons: string[] = [];
  let force = false;
  const leftover = leftBehind(observation) || observation.containers.length > 1;

  const before = observation.composeBefore;
  const hashChanged = observation.hashBefore !== null && observation.hashBefore !== observation.hashNow;
  // Contents that stand in the compose file itself are in no hash (P-6): the two files tell, and `up` alone would keep the container.
  const keys = before === null ? [] : changedKeys(before, compose, module.service);
  const told = hashChanged ? keys : keys.filter((key) => /^(configs|secrets)\./.test(key));
  const definitionChanged = hashChanged || told.length > 0;
  const definitionReason = (): string =>
    told.length > 0 ? `service definition changed: ${told.join(', ')}` : 'service definition changed';

  const kinds = desired.entriesCompared ? (['configs', 'secrets'] as const) : undefined;
  const fileReasons = (): void => {
    for (const state of states) {
      const { file } = state;
      if (file.role === 'compose') {
        if (state.toWrite && state.foreign && applied) reasons.push(`file on host differs: ${short(file.path)}`);
        continue;
      }
      if (file.role === 'dotenv' && !desired.usesDotenv) continue;
      const differs = state.toWrite && state.foreign;
      const fresh = applied?.files.every((one) => one.path !== file.path || one.source !== file.source) ?? false;
      // Where the definition came to name it, the definition is the reason.
      const changed = fresh ? !definitionChanged : state.moved || (applied !== null && state.toWrite && !differs);
      if (changed) reasons.push(`${word(file.role)}: ${short(file.path)}`);
      if (differs) reasons.push(`file on host differs: ${short(file.path)}`);
      const read =
        file.role === 'env_file' ||
        (file.role === 'dotenv' && !desired.mountsDotenv && !entriesFromVariables(compose, module.service, kinds));
      if ((changed || state.moved || state.toWrite) && !read) force = true;
    }
  };

  let action: Change['action'] = 'none';
  let adopts = false;
  if (!applied) {
    if (!there) {
      action = 'create';
      reasons.push('not there yet');
    } else {
      fileReasons();
      const sameLabel = only !== undefined && only.configHash !== null && only.configHash === observation.labelHash;
      const sameImage = only !== undefined && (image.id === null || only.image === image.id);
      const same = states.every(
        (state) => !state.toWrite && (state.file.source === 'commit' || state.file.keyed !== null),
      );
      adopts = !leftover && sameLabel && sameImage && same && landlords.length === 0;
      if (adopts) {
        action = 'adopt';
        force = false;
        reasons.splice(0, reasons.length, 'not yet managed');
      } else {
        action = 'update';
        reasons.unshift('not yet managed');
        if (!sameImage && only) reasons.push(image.moved);
        if (!sameLabel) reasons.push('service definition differs from the running container');
        reasons.push(...landlords.map(losesNamespace));
      }
    }
    if (leftover) reasons.push('left behind by an interrupted run');
  } else {
    if (definitionChanged) reasons.push(definitionReason());
    if (definitionChanged && !hashChanged) force = true;
    fileReasons();
    reasons.push(
      ...envFilesGone(desired, observation, applied, definitionChanged).map(
        (path) => `env file changed: ${short(path)}`,
      ),
    );
    const sameReference = applied.image?.reference === imageReference;
    if (only && image.id !== null && only.image !== image.id && sameReference && !definitionChanged) {
      reasons.push(image.moved);
    }
    reasons.push(...containerReasons(module.smoke.exits, observation, applied, only));
    // One that has lost it already says so.
    if (there && !reasons.some((reason) => reason.startsWith('lost its ')))
      reasons.push(...landlords.map(losesNamespace));
    if (leftover) reasons.push('left behind by an interrupted run');
    const unique = [...new Set(reasons)];
    reasons.splice(0, reasons.length, ...unique);
    if (reasons.length > 0) {
      const onlyStopped = reasons.every((reason) => reason === 'not running');
      action = !there ? 'create' : onlyStopped ? 'start' : 'update';
    }
  }
  if (leftover || reasons.includes('unhealthy') || reasons.includes('restart loop')) force = true;

  // Where only the bytes of the compose file differ there is nothing to do (P-6); where something is done they come along.
  const changed = action !== 'none' && action !== 'adopt';
  const files: Change[] = [];
  if (module.delivery === 'push' && changed) {
    for (const { file, toWrite, seen, foreign } of states) {
      if (file.source !== 'commit' || !toWrite) continue;
      const why: string[] = [
        seen.kind === 'absent'
          ? 'not on the host'
          : foreign
            ? `file on host differs: ${short(file.path)}`
            : 'changed in the commit',
      ];
      if (seen.uid !== null && seen.uid !== observation.engine.uid)
        why.push(`its owner becomes ${observation.engine.user}`);
      files.push({ target: `file.${file.path}`, action: seen.kind === 'absent' ? 'create' : 'update', reasons: why });
    }
  }
  const removed = module.delivery === 'push' ? removals(desired, observation) : [];
  if (removed.length > 0 && action === 'none') {
    action = 'update';
    reasons.push(...removed.map((change) => `file removed: ${short(change.target.slice('file.'.length))}`));
  }
  const moved = reasons.some(
    (reason) => reason !== 'not running' && reason !== 'not there yet' && !reason.startsWith('file removed: '),
  );
  // Another compose may hash the same service otherwise: where `up` runs at all it then makes a new container.
  const hashesAnew = applied !== null && applied.compose_version !== observation.engine.composeVersion;
  return {
    changes: [{ target: `compose.service.${module.service}`, action, reasons }, ...files, ...removed],
    recreates: there && changed && (force || hashesAnew || (moved && !onlyRecreatedAlike(reasons, only, status))),
    forceRecreate: changed && force && there,
    adopts,
    leftover,
  };
}

/** Somebody made the same container again: `up` keeps it. */
function onlyRecreatedAlike(reasons: readonly string[], only: Container | undefined, status: Status | null): boolean {
  return (
    reasons.every((reason) => reason === 'recreated outside platformctl') && only?.configHash === status?.container_hash
  );
}
