/** What this checkout keeps of a run: the mirror of the host's status and a line in its own audit chain. Never a reason to fail. */
import { PlatformError } from '../errors.js';
import type { RunEnd } from '../execute/follow.js';
import type { Plan } from '../manifest/types.js';
import type { World } from '../ports.js';
import { auditLine } from '../state/audit.js';
import { timestamp } from './plan-context.js';

export const mirrorPath = (root: string, id: string): string => `${root}/.platform/state/modules/${id}.status.json`;
export const auditPath = (root: string): string => `${root}/.platform/state/audit.jsonl`;

export async function recordHere(
  world: World,
  root: string,
  plan: Plan,
  ended: RunEnd,
  runId: string,
  status: Uint8Array,
): Promise<{ path: string | null; warning: string | null }> {
  try {
    const path = mirrorPath(root, plan.module);
    await world.files.write(path, status);
    const entry = {
      time: timestamp(world.clock.now()),
      run_id: runId,
      who: world.who,
      module: plan.module,
      event: plan.kind,
      outcome: ended.outcome,
      digest: plan.digest,
    };
    await world.files.append(auditPath(root), (last) => auditLine(last, entry));
    return { path: path.slice(root.length + 1), warning: null };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return { path: null, warning: `the mirror in this checkout was not written: ${error.summary}` };
  }
}
