/** G-9: what became of a plan that was used before, as far as the host's status still tells. */
import type { Plan, Status } from '../manifest/types.js';
import { shortRun } from '../run-id.js';
import { equalTokens } from './provenance.js';

const ENDS: Readonly<Record<string, string>> = {
  applied: 'was applied before, by',
  removed: 'was carried out before, by',
  rolled_back: 'was tried before and rolled back, by',
  rollback_failed: 'was tried before and could not be rolled back, by',
  remote_failed: 'was tried before and failed, by',
  unknown: 'was tried before with an unknown outcome, by',
};

/** null: it is not spent. The status knows the last run, what is applied and the kept releases; of older plans only that they were used. */
export function spentWords({ digest }: Pick<Plan, 'digest'>, status: Status | null | undefined): string | null {
  if (!status?.spent.some((spent) => equalTokens(spent, digest))) return null;
  const told = (words: string, run: string): string => `plan ${digest.slice(0, 12)} ${words} run ${shortRun(run)}`;
  const { intent, attempt, previous } = status;
  if (intent?.plan_digest === digest) return told('was begun before, and has no recorded end, by', intent.run_id);
  if (attempt?.plan_digest === digest) return told(ENDS[attempt.outcome] ?? 'was tried before, by', attempt.run_id);
  if (status.plan_digest === digest && status.run_id !== null) return told('was applied before, by', status.run_id);
  const applied = previous?.some((release) => release.plan_digest === digest);
  return `plan ${digest.slice(0, 12)} was ${applied ? 'applied' : 'used'} before`;
}
