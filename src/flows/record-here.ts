/** What this checkout keeps of a run: the mirror of the host's status and a line in its own audit chain. Never a reason to fail. */
import type { Plan } from '../manifest/types.js';
import type { World } from '../ports.js';
import { headsIn } from '../record/heads.js';
import { auditEntry, auditLine, headOf } from '../state/audit.js';
import type { Run } from '../state/status.js';
import { rememberHeads } from './heads.js';
import { timestamp } from './plan-context.js';
import type { ApplyResult } from './results.js';
import { unlessRefused } from './unless-refused.js';

export const mirrorPath = (root: string, id: string): string => `${root}/.platform/state/modules/${id}.status.json`;
export const auditPath = (root: string): string => `${root}/.platform/state/audit.jsonl`;

/** The mirror of a host's status, and the head of the host's chain that stands in it. */
export async function mirrorHere(
  world: World,
  root: string,
  { module, host }: { readonly module: string; readonly host: string },
  status: Uint8Array,
): Promise<{ path: string | null; warning: string | null }> {
  const path = mirrorPath(root, module);
  const warning = await unlessRefused('the mirror of the status', () => world.files.write(path, status));
  await rememberHeads(world, root, host, headsIn(new TextDecoder().decode(status)));
  return { path: warning === null ? path.slice(root.length + 1) : null, warning };
}

/** A line in this machine's chain of what it decided. */
export async function noteHere(
  world: World,
  root: string,
  { plan, policy }: { readonly plan: Plan; readonly policy: Run['policy'] },
  { outcome, runId, approvedBy }: Pick<ApplyResult, 'outcome' | 'runId' | 'approvedBy'>,
): Promise<string | null> {
  const time = timestamp(world.clock.now());
  const entry = auditEntry(plan, { id: runId ?? '', who: world.who, approvedBy, policy }, outcome);
  let line = '';
  const warning = await unlessRefused('the audit line', () =>
    world.files.append(auditPath(root), (last) => {
      line = auditLine(last, time, entry);
      return line;
    }),
  );
  const head = warning === null ? headOf(line) : null;
  if (head) await rememberHeads(world, root, null, [head]);
  return warning;
}
