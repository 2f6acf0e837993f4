/** P-14: what `up` of one service breaks or leaves undone in its project. */
import type { ComposeFile, Resolved } from './model.js';
import { namespacesOf, references } from './references.js';
import { mapMember } from './values.js';

/** Services that live in a namespace of this one. */
export function tenantsOf(file: ComposeFile, service: string): string[] {
  return [...file.services]
    .filter(([name, definition]) => name !== service && namespacesOf(definition).includes(service))
    .map(([name]) => name);
}

/** Services in whose namespaces this one lives, as the host's compose resolved it: the file may say it with a variable. */
export function landlordsOf(resolved: Resolved): readonly string[] {
  return namespacesOf(mapMember(resolved, 'service'));
}

/**
 * Sorted by service.
 * @param tenants services that live in a namespace of this one
 * @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3)
 */
export function alsoAffected(
  file: ComposeFile,
  service: string,
  tenants: readonly string[] = tenantsOf(file, service),
): { service: string; why: string }[] {
  const affected = tenants.map((name) => ({
    service: name,
    why: `lives in a namespace of ${service} and loses it when ${service} is recreated`,
  }));
  for (const { service: name, condition } of references(file, service).dependsOn) {
    if (condition === 'service_completed_successfully') {
      affected.push({ service: name, why: `${service} depends on its completion, and it is not run` });
    }
  }
  return affected.sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : 0));
}
