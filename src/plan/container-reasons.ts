/** What a service's own containers say about it (P-4). Pure. */
import type { Status } from '../manifest/types.js';
import { type Container, conditionOf, type Observation } from './observation.js';

/** @param exits of a job: the code that it must end with */
export function containerReasons(
  exits: number | null,
  observation: Observation,
  status: Status,
  only: Container | undefined,
): string[] {
  const reasons: string[] = [];
  const condition = conditionOf(observation.containers, observation.engine.now);
  const job = exits !== null;
  if (condition === 'unhealthy') reasons.push('unhealthy');
  else if (condition === 'restarting') reasons.push('restart loop');
  else if (condition === 'absent' || condition === 'paused') reasons.push('not running');
  else if (condition === 'stopped' && !(job && only?.exitCode === exits)) reasons.push('not running');
  else if (condition === 'created')
    reasons.push(leftBehind(observation) ? 'left behind by an interrupted run' : 'not running');
  else if (condition === 'several') reasons.push('left behind by an interrupted run');
  if (
    only &&
    status.container_id !== null &&
    (only.id !== status.container_id || only.configHash !== status.container_hash)
  ) {
    reasons.push('recreated outside platformctl');
  }
  if (only) reasons.push(...lostNamespaces(only, observation).map((name) => `lost its ${name} namespace`));
  return reasons;
}

/** Namespaces of another service's container that is gone: the engine leaves it running with nothing in them (P-14). */
function lostNamespaces(only: Container, observation: Observation): string[] {
  const alive = new Set(observation.projectContainers.map((container) => `container:${container.id}`));
  const modes = [
    ['network', 'network_mode', only.networkMode],
    ['pid', 'pid', only.pidMode],
    ['ipc', 'ipc', only.ipcMode],
  ] as const;
  const service = observation.resolved.service as Readonly<Record<string, unknown>> | undefined;
  // A container of another project, by an exception of the policy, is none that was looked at here.
  const elsewhere = (key: string): boolean => String(service?.[key] ?? '').startsWith('container:');
  return modes.flatMap(([name, key, mode]) =>
    /^container:[0-9a-f]{64}$/.test(mode) && !alive.has(mode) && !elsewhere(key) ? [name] : [],
  );
}

/**
 * The containers of the project that live in a namespace of this service's own, as the engine says: a `network_mode` with a variable does not tell it in the
 * file (P-14).
 */
export function tenantsSeen({
  containers,
  projectContainers,
}: Pick<Observation, 'containers' | 'projectContainers'>): Container[] {
  const own = new Set(containers.map(({ id }) => `container:${id}`));
  return projectContainers.filter(({ networkMode, pidMode, ipcMode }) =>
    [networkMode, pidMode, ipcMode].some((mode) => own.has(mode)),
  );
}

/** A run that never recorded its end, or whose end is not known, left the host as it is. */
export function leftBehind(observation: Observation): boolean {
  const status = observation.status;
  if (observation.held) return false;
  return (
    status !== null &&
    (status.intent !== null || status.attempt?.outcome === 'unknown' || status.attempt?.outcome === 'rollback_failed')
  );
}
