/** Removing old runs of a module from its host, by whoever holds the module's lock. */
import { PlatformError } from '../errors.js';
import { type Exchange, message } from '../execute/protocol.js';
import type { Status } from '../manifest/types.js';
import { oldRuns, type Retention } from '../record/retention.js';
import { runsOn } from './runs.js';

const LIMIT = { ms: 60_000, step: 'record' };
/** Runs that are looked at, and removed, in one go: what is left over is the next one's. */
const AT_ONCE = 1_000;

/** Never a reason to fail: a run that is kept too long harms nobody. The run that asks counts as one of those that are kept. */
export async function forgetOldRuns(
  exchange: Exchange,
  of: { readonly module: string; readonly host: string; readonly status: Status | null },
  retention: Retention,
  now: number,
): Promise<void> {
  try {
    const { module, host, status } = of;
    const runs = await runsOn(exchange, host, { modules: [module], prefix: '', limit: retention.runs + AT_ONCE });
    const needed = [status?.run_id, status?.intent?.run_id, status?.attempt?.run_id].filter(
      (id) => typeof id === 'string',
    );
    const old = oldRuns(runs, retention, now, new Set(needed));
    if (old.length > 0) await exchange([message('forget', ...old)], LIMIT);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
  }
}
