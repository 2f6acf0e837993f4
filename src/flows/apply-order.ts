/** Several plans in one call: hosts in parallel, what depends on another after it, and what a failure stops. */
import { namespacesOf } from '../compose/references.js';
import { PlatformError } from '../errors.js';
import { EXIT_INVALID } from '../exits.js';
import type { Plan } from '../manifest/types.js';
import type { Case } from './apply-case.js';

/** One plan of a call, as far as its place among the others is concerned. */
export interface Placed {
  readonly plan: Pick<Plan, 'module' | 'host'>;
  /** Modules of the call that come before it: declared ones, through others too, and those in whose namespaces it lives. */
  readonly after: readonly string[];
}

/** Where a case stands among the plans of its call. */
export function place(open: Case): Placed {
  const wanted = new Set<string>();
  const waiting = [...(open.dependsOn.get(open.plan.module) ?? [])];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (wanted.has(id)) continue;
    wanted.add(id);
    waiting.push(...(open.dependsOn.get(id) ?? []));
  }
  const [one] = open.prepared;
  const definition = one?.compose.services.get(one.module.service);
  const landlords = definition ? namespacesOf(definition) : [];
  const after = open.beside.filter(
    (other) =>
      wanted.has(other.module) ||
      (other.host === open.plan.host && other.project === open.plan.project && landlords.includes(other.service)),
  );
  return { plan: open.plan, after: after.map((other) => other.module) };
}

export interface Rules<T, R> {
  /** Hosts at once. */
  readonly parallel: number;
  readonly keepGoing: boolean;
  readonly run: (item: T) => Promise<R>;
  /** Whether what depends on it, and without `keepGoing` anything, may go on. */
  readonly good: (result: R) => boolean;
  /** `cause`: the result that is the reason; null: the call was interrupted. */
  readonly skip: (item: T, cause: R | null) => R;
  readonly interrupted: () => boolean;
}

/**
 * Runs all, one at a time on each host. Results are in the order of `items`. `run` never rejects for what is a module's own failure: a rejection ends the call,
 * after what is still going.
 * @throws PlatformError PCTL-DEPENDS-CIRCLE (3), before anything runs
 */
export async function inOrder<T extends Placed, R>(items: readonly T[], rules: Rules<T, R>): Promise<R[]> {
  refuseCircles(items);
  const results = new Map<T, R>();
  const running = new Map<T, Promise<void>>();
  const failed = new Map<string, R>();
  let stoppedBy: R | null = null;
  let crashed: { readonly error: unknown } | null = null;
  const waiting = new Set(items);
  const name = (item: T): string => item.plan.module;

  const settle = (item: T, result: R): void => {
    results.set(item, result);
    if (rules.good(result)) return;
    failed.set(name(item), result);
    if (!rules.keepGoing) stoppedBy ??= result;
  };
  const drop = (item: T, cause: R | null): void => {
    waiting.delete(item);
    const result = rules.skip(item, cause);
    failed.set(name(item), result);
    results.set(item, result);
  };
  const start = (item: T): void => {
    waiting.delete(item);
    const journey = rules.run(item).then(
      (result) => settle(item, result),
      (error: unknown) => {
        crashed ??= { error };
      },
    );
    running.set(
      item,
      journey.then(() => void running.delete(item)),
    );
  };
  const ready = (item: T): boolean =>
    running.size < rules.parallel &&
    ![...running.keys()].some((other) => other.plan.host === item.plan.host) &&
    item.after.every((id) => [...results.keys()].some((done) => name(done) === id));

  while (waiting.size > 0 || running.size > 0) {
    for (const item of waiting) {
      const needed = item.after.find((id) => failed.has(id));
      const cause = needed === undefined ? stoppedBy : (failed.get(needed) as R);
      if (crashed || rules.interrupted()) drop(item, null);
      else if (cause !== null) drop(item, cause);
      else if (ready(item)) start(item);
    }
    if (running.size > 0) await Promise.race(running.values());
  }
  if (crashed) throw (crashed as { readonly error: unknown }).error;
  return items.map((item) => results.get(item) as R);
}

/** Plans of different commits may name each other in a circle that neither commit has. */
function refuseCircles(items: readonly Placed[]): void {
  const left = new Map(items.map((item) => [item.plan.module, item.after]));
  for (;;) {
    const free = [...left].filter(([, after]) => !after.some((id) => left.has(id)));
    if (free.length === 0) break;
    for (const [id] of free) left.delete(id);
  }
  if (left.size === 0) return;
  throw new PlatformError({
    code: 'PCTL-DEPENDS-CIRCLE',
    exit: EXIT_INVALID,
    summary: `these plans depend on each other in a circle: ${[...left.keys()].join(', ')}`,
    hint: 'plan them all at one commit',
  });
}
