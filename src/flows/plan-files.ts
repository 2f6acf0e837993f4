/** Kept plans (P-1) and plan files: where they lie, how one is found from what a person typed. */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import type { Plan } from '../manifest/types.js';
import { PLAN_MAX_BYTES, parsePlan, planBytes } from '../plan/artifact.js';
import type { Files, World } from '../ports.js';
import { unlessRefused } from './unless-refused.js';

const ID = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/;

/** A plan, and the file whose `.sig` has its signatures. */
export interface LoadedPlan {
  readonly plan: Plan;
  readonly file: string;
}

/** Where the last plan of a module is kept. */
export function keptPlanPath(root: string, id: string): string {
  return `${root}/.platform/state/plans/${id}.plan.json`;
}

/**
 * The plan that `reference` names: the one that is kept for a module id, else the file of that name.
 * @throws PlatformError PCTL-PLAN-NOT-FOUND (2, X-4) and what parsePlan throws
 */
export async function loadPlan(world: World, root: string, reference: string): Promise<LoadedPlan> {
  const candidates = ID.test(reference)
    ? [keptPlanPath(root, reference), absolute(world, reference)]
    : [absolute(world, reference)];
  for (const file of candidates) {
    const bytes = await world.files.read(file, PLAN_MAX_BYTES);
    if (bytes) return { plan: parsePlan(bytes, file), file };
  }
  throw new PlatformError({
    code: 'PCTL-PLAN-NOT-FOUND',
    exit: EXIT_TOOL_ERROR,
    summary: ID.test(reference) ? `no plan is kept for ${reference}` : `there is no file ${reference}`,
    hint: ID.test(reference) ? `platformctl plan ${reference}` : 'name a plan file, or a module whose plan is kept',
  });
}

/** Keeps a module's last plan; one with another digest takes its signatures with it (G-4). */
async function keepPlan(files: Files, root: string, plan: Plan): Promise<void> {
  const path = keptPlanPath(root, plan.module);
  const before = await files.read(path, PLAN_MAX_BYTES);
  let same = false;
  if (before) {
    try {
      same = parsePlan(before, path).digest === plan.digest;
    } catch {
      same = false;
    }
  }
  if (!same) await files.remove(`${path}.sig`);
  await files.write(path, planBytes(plan));
}

/**
 * Keeps the last plans of their modules. In a checkout that cannot be written, as in CI, each is a warning: the plan is shown all the same, and named by the
 * file that `--out` gives it.
 */
export async function keepPlans(
  world: World,
  root: string,
  planned: readonly { readonly plan: Plan }[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const { plan } of planned) {
    const warning = await unlessRefused(`the plan of ${plan.module}`, () => keepPlan(world.files, root, plan));
    if (warning !== null) warnings.push(warning);
  }
  return warnings;
}

function absolute(world: World, path: string): string {
  return path.startsWith('/') ? path : `${world.directory}/${path}`;
}

/** Writes plans where `--out` and `--out-dir` say; `-` is stdout, one line a plan. Returns the files written. */
export async function writePlans(
  world: World,
  plans: readonly Plan[],
  where: { out?: string; outDir?: string },
): Promise<string[]> {
  const written: string[] = [];
  if (where.out === '-') for (const plan of plans) world.terminal.document(planBytes(plan));
  for (const plan of plans) {
    const paths = [
      ...(where.out !== undefined && where.out !== '-' ? [where.out] : []),
      ...(where.outDir === undefined ? [] : [`${where.outDir}/${plan.module}.plan.json`]),
    ];
    for (const path of paths) {
      await world.files.write(absolute(world, path), planBytes(plan), { mode: 0o644 });
      written.push(path);
    }
  }
  return written;
}
