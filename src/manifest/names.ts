/** What the names of a call stand for: a module's id for that module, a stack's name for its modules, those that others need first (M-9). */
import type { ServiceModule, Wanted } from './model.js';

/**
 * The ids that names stand for, each once, in the order of the names; the modules of a stack in dependency order. A name that is neither a module's nor a
 * stack's comes back as it is: the caller knows best what to say about it.
 */
export function modulesNamed(wanted: Pick<Wanted, 'modules' | 'stacks'>, names: readonly string[]): string[] {
  const ids = names.flatMap((name) => {
    const members = wanted.stacks.get(name);
    return members ? inDependencyOrder(wanted.modules, members) : [name];
  });
  return [...new Set(ids)];
}

/**
 * The same ids, each after those that it depends on, directly or through modules that are not among them. Stable: what does not depend on each other stays in
 * its order. A circle, which validate refuses, is cut where it closes.
 */
export function inDependencyOrder(modules: ReadonlyMap<string, ServiceModule>, ids: readonly string[]): string[] {
  const asked = new Set(ids);
  const seen = new Set<string>();
  const order: string[] = [];
  for (const start of ids) {
    if (seen.has(start)) continue;
    seen.add(start);
    // Its own stack: a chain of 10,000 modules must not exhaust the machine's.
    const path = [{ id: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const needed = modules.get(top.id)?.dependsOn[top.next++];
      if (needed === undefined) {
        path.pop();
        if (asked.has(top.id)) order.push(top.id);
      } else if (!seen.has(needed)) {
        seen.add(needed);
        path.push({ id: needed, next: 0 });
      }
    }
  }
  return order;
}
