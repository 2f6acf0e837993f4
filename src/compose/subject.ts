/** What is judged: one service with the top-level entries of its file, as masked text or as the host's compose resolved it, and a place to put findings. */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID } from '../exits.js';
import type { ComposeFile, Json, PolicyContext, Resolved } from './model.js';
import { isMap, type JsonMap, mapMember, mapStrings, type Path } from './values.js';
import { isOpen, mask } from './variables.js';

export interface Subject {
  readonly service: string;
  readonly definition: JsonMap;
  readonly volumes: JsonMap;
  readonly networks: JsonMap;
  readonly configs: JsonMap;
  readonly secrets: JsonMap;
  /** Names of the file's services; null where only the resolved service is known. */
  readonly services: ReadonlySet<string> | null;
}

export interface Finding {
  readonly rule: string;
  readonly value: string | null;
  readonly path: Path;
  readonly why: string;
  readonly exceptionPossible: boolean;
}

/** Collects what the rules find. */
export interface Bench {
  readonly subject: Subject;
  readonly context: PolicyContext;
  /** Findings and positions are bounded by the file's own size. */
  readonly findings: Finding[];
  readonly warnings: string[];
  readonly open: string[];
}

/** The definition of a service. @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3) */
export function serviceOf(file: ComposeFile, service: string): JsonMap {
  const definition = file.services.get(service);
  if (definition) return definition;
  throw new PlatformError({
    code: 'PCTL-COMPOSE-NO-SERVICE',
    exit: EXIT_INVALID,
    summary: `${file.path} has no service ${JSON.stringify(service.slice(0, 80))}`,
    where: { file: file.path },
    hint: `its services: ${[...file.services.keys()].slice(0, 20).join(', ')}`,
  });
}

/** The text as compose will see it, variables masked. @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3) */
export function textSubject(file: ComposeFile, service: string): Subject {
  const masked = (value: Json): JsonMap => {
    const tree = mapStrings(value, mask);
    return isMap(tree) ? tree : {};
  };
  return {
    service,
    definition: masked(serviceOf(file, service)),
    volumes: masked(file.volumes),
    networks: masked(file.networks),
    configs: masked(file.configs),
    secrets: masked(file.secrets),
    services: new Set(file.services.keys()),
  };
}

export function resolvedSubject(resolved: Resolved, service: string): Subject {
  return {
    service,
    definition: mapMember(resolved, 'service'),
    volumes: mapMember(resolved, 'volumes'),
    networks: mapMember(resolved, 'networks'),
    configs: mapMember(resolved, 'configs'),
    secrets: mapMember(resolved, 'secrets'),
    services: null,
  };
}

export function at(bench: Bench, ...path: Path): Path {
  return ['services', bench.subject.service, ...path];
}

export function deny(
  bench: Bench,
  rule: string,
  value: string | null,
  path: Path,
  why: string,
  exceptionPossible = true,
): void {
  bench.findings.push({ rule, value, path, why, exceptionPossible });
}

/** A value whose form no rule understands is refused under its key: a doubt is decided against the file. */
export function denyShape(bench: Bench, rule: string, path: Path, why: string): void {
  deny(bench, rule, null, path, why, false);
}

/** Notes a position that is decided on the host; true where it is one. */
export function isLeftOpen(bench: Bench, text: string, path: Path): boolean {
  if (!isOpen(text)) return false;
  const [top, name] = path;
  const own = top === 'services' && name === bench.subject.service;
  bench.open.push((own ? path.slice(2) : path).join('.'));
  return true;
}

/** Keys within a value that the table does not have; `x-*` is allowed. */
export function checkKeys(bench: Bench, keys: Iterable<string>, known: ReadonlySet<string>, path: Path): void {
  for (const key of keys) {
    if (known.has(key) || key.startsWith('x-')) continue;
    deny(
      bench,
      'compose_key_unknown',
      key,
      [...path, ...key.split('.')],
      'platformctl does not know what this key does',
      false,
    );
  }
}
