/** The compose files that modules name, parsed once, and what their names say when modules are held against each other (M-11). */
import { COMPOSE_MAX_BYTES, parseCompose } from '../compose/file.js';
import type { ComposeFile, ParsedCompose } from '../compose/model.js';
import { neededServices } from '../compose/needs.js';
import { references } from '../compose/references.js';
import { type ComposeNames, type CrossProblem, crossCheck } from '../manifest/cross.js';
import type { Loaded, ServiceNeeds } from '../manifest/load.js';
import type { ServiceModule } from '../manifest/model.js';
import { shapeFlaw } from '../manifest/repo-tree.js';
import { oversized } from '../manifest/yaml.js';
import type { TreeEntry } from '../ports.js';

/**
 * Every compose file of which there are bytes, parsed; files that are no compose file are there with their problems.
 * @param known those that were parsed already
 */
export function parseAll(
  modules: readonly ServiceModule[],
  bytes: ReadonlyMap<string, Uint8Array>,
  known: ReadonlyMap<string, ParsedCompose> = new Map(),
): Map<string, ParsedCompose> {
  const parsed = new Map(known);
  for (const { composeFile } of modules) {
    // What may not be named is not looked into: its module is told so.
    const found = shapeFlaw(composeFile, '') ? undefined : bytes.get(composeFile);
    if (found && !parsed.has(composeFile)) parsed.set(composeFile, parseCompose(found, composeFile));
  }
  return parsed;
}

/** The compose files that modules name, read and parsed. @param known those that were parsed already */
export async function readAll(
  modules: readonly ServiceModule[],
  read: (paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>,
  known?: ReadonlyMap<string, ParsedCompose>,
): Promise<Map<string, ParsedCompose>> {
  return parseAll(modules, await read([...new Set(modules.map(({ composeFile }) => composeFile))]), known);
}

/** Compose files that their size alone refuses (M-3): nobody reads or parses them. */
export function refusedBySize(
  modules: Iterable<ServiceModule>,
  entries: ReadonlyMap<string, Pick<TreeEntry, 'mode' | 'size'>>,
): Map<string, ParsedCompose> {
  const refused = new Map<string, ParsedCompose>();
  for (const { composeFile } of modules) {
    const entry = entries.get(composeFile);
    if (!entry?.mode.startsWith('100') || entry.size <= COMPOSE_MAX_BYTES || shapeFlaw(composeFile, '')) continue;
    refused.set(composeFile, { ok: false, problems: [oversized(composeFile, COMPOSE_MAX_BYTES)], exit: 3 });
  }
  return refused;
}

/** The rules of M-11 over all modules. */
export function crossProblems(wanted: Loaded, parsed: ReadonlyMap<string, ParsedCompose>): CrossProblem[] {
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

/** M-9: by compose file which of its services need which. */
export function neededBy(parsed: ReadonlyMap<string, ParsedCompose>): ServiceNeeds {
  const needs = new Map<string, ReadonlyMap<string, readonly string[]>>();
  for (const [path, one] of parsed) if (one.ok) needs.set(path, neededServices(one.file));
  return needs;
}
