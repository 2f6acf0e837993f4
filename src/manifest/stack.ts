/** stack.yaml as a module.yaml for each of its services (M-9). Read with care: the stack may not follow its schema. */
import type { Problem } from '../errors.js';
import { at, entriesAt, finding, type Manifest, type Path } from './findings.js';

/** One service of a stack. */
export interface StackModule {
  readonly id: string;
  readonly service: string;
  /** What is to be checked for this service alone: its own lists, and everything else as it counts for it. Places are those of stack.yaml. */
  readonly manifest: Manifest;
}

const SERVICES: Path = ['spec', 'services'];
/** As the schema says: more are told of there, and looked at no further. */
const MAX_SERVICES = 200;
const MODULE_ID = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/;

/** The modules of a stack, in the order of its services. */
export function stackModules(stack: Manifest, folder: string): StackModule[] {
  const shared = withoutLists(sharedBy(stack));
  return servicesOf(stack).map(([service, own]) => {
    const id = isMapping(own) && typeof own.id === 'string' ? own.id : `${folder}-${service}`;
    const data = moduleOf(stack, { id, service }, shared);
    return { id, service, manifest: { file: stack.file, document: { data, place: placeOf(stack, service) } } };
  });
}

/** The whole module.yaml that one service would have: what counts, and what its manifest digest covers. A change of a neighbour's part changes nothing in it. */
export function declaredModule(stack: Manifest, module: Pick<StackModule, 'id' | 'service'>): Mapping {
  return moduleOf(stack, module, sharedBy(stack));
}

/** Services whose name gives no id that a module can have. */
export function unnamedModules(stack: Manifest, folder: string): Problem[] {
  return servicesOf(stack).flatMap(([service, own]) => {
    const id = `${folder}-${service}`;
    if (MODULE_ID.test(id) || (isMapping(own) && own.id !== undefined)) return [];
    return [
      finding(
        stack,
        [...SERVICES, service],
        'PCTL-MODULE-ID',
        `${id} cannot be a module's id`,
        'give the service one: id: ID (letters, digits, _ and -, at most 63)',
      ),
    ];
  });
}

const servicesOf = (stack: Manifest): [string, unknown][] => entriesAt(stack, SERVICES).slice(0, MAX_SERVICES);

function sharedBy(stack: Manifest): Mapping {
  const { services: _, ...shared } = mappingAt(stack, ['spec']);
  return shared;
}

function moduleOf(stack: Manifest, { id, service }: Pick<StackModule, 'id' | 'service'>, shared: Mapping): Mapping {
  // A host of its own is refused; what else is wrong is judged by the one that all share.
  const { id: _, host: __, ...own } = mappingAt(stack, [...SERVICES, service]);
  const { runtime, smoke, ...rest } = merged(shared, own) as Mapping;
  return {
    apiVersion: at(stack, ['apiVersion']),
    kind: 'Module',
    metadata: { ...mappingAt(stack, ['metadata']), id },
    spec: {
      ...rest,
      runtime: { compose_service: service, ...(isMapping(runtime) ? runtime : {}) },
      ...(isMapping(smoke) ? { smoke: smokeOf(smoke, own.smoke) } : {}),
    },
  };
}

/** Of two values the service's own counts; mappings are merged key by key, lists add up. */
function merged(shared: unknown, own: unknown): unknown {
  if (own === undefined || own === null) return shared;
  if (Array.isArray(shared) && Array.isArray(own)) return [...new Set([...shared, ...own])];
  if (!isMapping(shared) || !isMapping(own)) return own;
  const keys = new Set([...Object.keys(shared), ...Object.keys(own)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(shared[key], own[key])]));
}

/** A job answers no HTTP: where the stack says one and the service the other, the service's counts. */
function smokeOf(smoke: Mapping, own: unknown): Mapping {
  const { exits, http, ...rest } = smoke;
  const says = (key: string): boolean => isMapping(own) && own[key] !== undefined;
  return {
    ...rest,
    ...(exits === undefined || (says('http') && !says('exits')) ? {} : { exits }),
    ...(http === undefined || (says('exits') && !says('http')) ? {} : { http }),
  };
}

/** What all services share is checked once, where it stands: its lists are left out of what each one is checked for. */
function withoutLists(value: Mapping): Mapping {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !Array.isArray(member))
      .map(([key, member]) => [key, isMapping(member) ? withoutLists(member) : member]),
  );
}

/** Where a path of a service's module.yaml stands: beneath the service where it is its own, else in the part that all share. */
function placeOf(stack: Manifest, service: string): Manifest['document']['place'] {
  return ([top, ...rest]) => {
    if (top === 'metadata' && rest[0] !== 'id') return stack.document.place(['metadata', ...rest]);
    const own = [...SERVICES, service, ...rest];
    const shared = ['spec', ...rest];
    const isShared = top === 'spec' && at(stack, own) === undefined && at(stack, shared) !== undefined;
    return stack.document.place(isShared ? shared : own);
  };
}

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mappingAt(manifest: Manifest, path: Path): Mapping {
  const value = at(manifest, path);
  return isMapping(value) ? value : {};
}
