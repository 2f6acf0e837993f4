/** The compose files that modules name, parsed once, and what their names say when modules are held against each other (M-11). */
import { parseCompose } from '../compose/file.js';
import type { ComposeFile, ParsedCompose } from '../compose/model.js';
import { references } from '../compose/references.js';
import type { Problem } from '../errors.js';
import { type ComposeNames, crossCheck } from '../manifest/cross.js';
import type { Loaded } from '../manifest/load.js';
import type { ServiceModule } from '../manifest/model.js';
import { shapeFlaw } from '../manifest/repo-tree.js';

/** Every compose file of which there are bytes, parsed; files that are no compose file are there with their problems. */
export function parseAll(
  modules: readonly ServiceModule[],
  bytes: ReadonlyMap<string, Uint8Array>,
): Map<string, ParsedCompose> {
  const parsed = new Map<string, ParsedCompose>();
  for (const { composeFile } of modules) {
    // What may not be named is not looked into: its module is told so.
    const found = shapeFlaw(composeFile, '') ? undefined : bytes.get(composeFile);
    if (found && !parsed.has(composeFile)) parsed.set(composeFile, parseCompose(found, composeFile));
  }
  return parsed;
}

/** The rules of M-11 over all modules. */
export function crossProblems(wanted: Loaded, parsed: ReadonlyMap<string, ParsedCompose>): Problem[] {
  const files = new Map<string, ComposeFile>();
  for (const [path, one] of parsed) if (one.ok) files.set(path, one.file);
  return crossCheck(wanted, namesOf(files, [...wanted.modules.values()]), wanted.place);
}

/** Services are looked into only where a module names them. */
function namesOf(
  files: ReadonlyMap<string, ComposeFile>,
  modules: readonly ServiceModule[],
): Map<string, ComposeNames> {
  const named = new Map<string, Set<string>>();
  for (const { composeFile, service } of modules) {
    const services = named.get(composeFile);
    if (services) services.add(service);
    else named.set(composeFile, new Set([service]));
  }
  return new Map(
    [...files].map(([path, file]) => {
      const services = [...file.services.keys()].map((service): [string, { healthcheck: boolean }] => [
        service,
        { healthcheck: named.get(path)?.has(service) === true && references(file, service).hasHealthcheck },
      ]);
      return [path, { name: file.name, services: new Map(services) }];
    }),
  );
}
