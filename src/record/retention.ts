/** Which runs of a module are old. Pure. */
import type { Run } from './runs.js';

export interface Retention {
  readonly runs: number;
  readonly days: number;
}

const DAY_MS = 86_400_000;

/** When a run began, by its id: a UUIDv7 begins with milliseconds since 1970. */
const beganAt = (run: Run): number => Number.parseInt(run.id.replace('-', '').slice(0, 12), 16);

/**
 * The ids of runs of one module that are kept no longer: beyond the newest `runs`, or older than `days`. Never the last one that ended, one that goes on, or
 * one of `needed`.
 * @param runs of the module, newest first
 */
export function oldRuns(
  runs: readonly Run[],
  retention: Retention,
  now: number,
  needed: ReadonlySet<string> = new Set(),
): string[] {
  const last = runs.find((run) => run.outcome !== 'applying')?.id;
  const keeps = (run: Run): boolean => run.outcome === 'applying' || run.id === last || needed.has(run.id);
  return runs
    .filter((run, place) => !keeps(run) && (place >= retention.runs || now - beganAt(run) > retention.days * DAY_MS))
    .map((run) => run.id);
}
