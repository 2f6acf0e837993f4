/** What a run was that recorded its intent and never its end. Pure. */
import type { Plan } from '../manifest/types.js';
import { type Container, conditionOf, hasDigest, type Observation } from './observation.js';

export interface Interrupted {
  readonly runId: string;
  readonly outcome: 'applied' | 'removed' | 'rolled_back' | 'unknown' | 'applying';
  readonly why: string;
}

/** V-1 without its watcher: a container that runs at one moment may be in the middle of a restart loop. */
const stood = (container: Container, seconds: number, now: number): boolean =>
  container.restarts === 0 && now - Date.parse(container.startedAt) / 1000 >= seconds;

const UP: ReadonlySet<string> = new Set(['running', 'healthy', 'starting']);

/** What the run's own journal says of a roll back. */
export interface Turned {
  /** It gave up on what it had started, or had begun to put back what was there before. */
  readonly back: boolean;
  /** It came to the end of that, and only the record of it could not be written. */
  readonly rolledBack: boolean;
}

/** `plan`: what the run was about, from its folder on the host; null where that is gone. */
export function judgeInterrupted(
  observation: Pick<Observation, 'status' | 'engine' | 'containers' | 'files' | 'held'>,
  plan: Plan | null,
  turned: Turned = { back: false, rolledBack: false },
): Interrupted | null {
  const intent = observation.status?.intent;
  if (!intent) return null;
  const verdict = (outcome: Interrupted['outcome'], why: string): Interrupted => ({
    runId: intent.run_id,
    outcome,
    why,
  });
  if (observation.held) return verdict('applying', 'it still holds the lock');
  if (turned.rolledBack) return verdict('rolled_back', 'its journal says that what was there before runs again');
  if (!plan?.observed) return verdict('unknown', 'its plan is no longer on the host');
  const identity = plan.observed.identity;
  const before = new Set(identity.containers.map((container) => container.id));
  const [only] = observation.containers.length === 1 ? observation.containers : [];
  const condition = conditionOf(observation.containers, observation.engine.now);

  if (plan.kind === 'remove') {
    const gone = plan.changes
      .filter(({ target, action }) => target.startsWith('file.') && action === 'remove')
      .every(({ target }) => (observation.files.get(target.slice('file.'.length))?.kind ?? 'absent') === 'absent');
    if (condition === 'absent' && gone) return verdict('removed', 'its container and the files of the plan are gone');
  }
  const filesNew = plan.files.every((file) => {
    if (file.source === 'host') return true;
    const seen = observation.files.get(file.path);
    return (
      seen?.kind === 'file' && seen.digest === file.sha256 && (plan.delivery === 'verify' || seen.mode === file.mode)
    );
  });
  const runs =
    plan.smoke.exits === null
      ? condition === 'running' || condition === 'healthy'
      : condition === 'stopped' && only?.exitCode === plan.smoke.exits;
  const newContainer =
    only !== undefined &&
    (!before.has(only.id) || !plan.recreates) &&
    (plan.image.id === null || only.image === plan.image.id);
  // Where a plan swaps no file, what was put back has a new container and that image too.
  if (plan.kind !== 'remove' && !turned.back && filesNew && runs && newContainer) {
    const stable = plan.smoke.exits !== null || stood(only, plan.smoke.stable_seconds, observation.engine.now);
    return stable
      ? verdict('applied', "the plan's files and a healthy container of the new definition are there")
      : verdict('unknown', `the new container has not yet run for ${plan.smoke.stable_seconds} s without a restart`);
  }

  const filesOld = identity.files.every((file) => {
    const seen = observation.files.get(file.path);
    if (!seen) return file.kind === 'absent';
    if (file.kind === 'absent') return seen.kind === 'absent';
    return hasDigest(seen, file.digest);
  });
  const sameContainers =
    observation.containers.length === before.size &&
    observation.containers.every((container) => before.has(container.id)) &&
    (UP.has(condition) || !UP.has(plan.observed.condition));
  if (filesOld && sameContainers) return verdict('rolled_back', 'everything is as it was before the run');
  return verdict('unknown', 'neither what was before nor what was planned is there as a whole');
}
