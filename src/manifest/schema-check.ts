/** A manifest against its published schema (M-1), with ajv's findings put into words, places and suggestions (M-2). */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Problem } from '../errors.js';
import { at, finding, type Manifest, type Path, shown } from './findings.js';
import { nearest } from './nearest.js';
import { moduleSchema, platformSchema, stackSchema } from './schemas.js';

export type ManifestKind = 'module' | 'platform' | 'stack';

const SCHEMAS: Readonly<Record<ManifestKind, object>> = {
  module: moduleSchema,
  platform: platformSchema,
  stack: stackSchema,
};

/** Of one file; more help nobody. */
const MAX_PROBLEMS = 50;

const compiled = new Map<ManifestKind, ValidateFunction>();

function validator(kind: ManifestKind): ValidateFunction {
  let validate = compiled.get(kind);
  if (!validate) {
    // $data stays off (I-3). Errors carry the schema that they come from: its keys are the suggestions. That the schemas follow the
    // meta-schema is shown by a test: compiling that one takes most of the time of a small validate.
    const ajv = new Ajv2020({
      allErrors: true,
      verbose: true,
      strict: false,
      validateFormats: false,
      validateSchema: false,
    });
    // A stack's schema refers to the module's.
    if (kind === 'stack') ajv.addSchema(moduleSchema);
    validate = ajv.compile(SCHEMAS[kind]);
    compiled.set(kind, validate);
  }
  return validate;
}

/** All that the schema finds, [] where the manifest follows it. */
export function checkSchema(kind: ManifestKind, manifest: Manifest): Problem[] {
  const validate = validator(kind);
  if (validate(manifest.document.data)) return [];
  const errors = validate.errors ?? [];
  // Of alternatives only the sentence about all of them is kept.
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath);
  const within = (path: string, of: string): boolean => path === of || path.startsWith(`${of}/`);
  return errors
    .filter(({ keyword }) => keyword !== 'propertyNames')
    .filter(
      ({ keyword, instancePath }) => keyword === 'anyOf' || !alternatives.some((path) => within(instancePath, path)),
    )
    .slice(0, MAX_PROBLEMS)
    .map((error) => problem(manifest, error));
}

function problem(manifest: Manifest, error: ErrorObject): Problem {
  const path = pathOf(manifest, error.instancePath);
  if (error.keyword === 'additionalProperties') return unknownKey(manifest, path, error);
  if (error.keyword === 'required') {
    const key = String(error.params.missingProperty);
    return finding(
      manifest,
      path,
      'PCTL-KEY-MISSING',
      `the key ${key} is missing${path.length > 0 ? ` in ${dotted(path)}` : ''}`,
      describe(error, key),
    );
  }
  if (error.propertyName !== undefined) {
    return finding(
      manifest,
      [...path, error.propertyName],
      'PCTL-VALUE',
      `${shown(error.propertyName)} cannot be a name here`,
      'letters, digits, -, _ and .',
    );
  }
  const special = SPECIAL[dotted(withoutService(path).map((step) => (typeof step === 'number' ? '*' : step)))];
  const [code, message, hint] = words(error);
  const value = `${dotted(path) || 'the file'} ${message}`;
  return finding(manifest, path, special?.code ?? code, value, special?.hint ?? hint);
}

function unknownKey(manifest: Manifest, path: Path, error: ErrorObject): Problem {
  const key = String(error.params.additionalProperty);
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const close = nearest(key, known);
  return finding(
    manifest,
    [...path, key],
    'PCTL-KEY-UNKNOWN',
    `unknown key ${shown(key)}${path.length > 0 ? ` in ${dotted(path)}` : ''}`,
    path[1] === 'services' && SHARED.has(key)
      ? 'modules of a stack share host, compose file and project: set it in spec, or write a module.yaml'
      : close
        ? `did you mean ${close}?`
        : `known here: ${known.join(', ')}`,
  );
}

/** What a service of a stack cannot have of its own. */
const SHARED = new Set(['host', 'compose_file', 'project', 'orchestrator']);

/** A service of a stack has the keys of a module's spec. */
const withoutService = (path: Path): Path => (path[1] === 'services' ? ['spec', ...path.slice(3)] : path);

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  null: 'empty',
};

function words({
  keyword,
  params,
  data,
  parentSchema,
}: ErrorObject): [code: string, message: string, hint?: string | undefined] {
  switch (keyword) {
    case 'type': {
      const types = [params.type].flat().map((type) => TYPES[String(type)] ?? String(type));
      return [
        'PCTL-TYPE',
        `must be ${types.join(' or ')}`,
        typeof data === 'number' && types[0] === 'text' ? 'put it in quotes' : undefined,
      ];
    }
    case 'const':
      return ['PCTL-VALUE', `must be ${shown(params.allowedValue)}, not ${shown(data)}`];
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      const close = typeof data === 'string' ? nearest(data, allowed) : null;
      return [
        'PCTL-VALUE',
        `is ${shown(data)}; it can be ${allowed.join(', ')}`,
        close ? `did you mean ${close}?` : undefined,
      ];
    }
    case 'anyOf':
      return [
        'PCTL-VALUE',
        `must be ${String((parentSchema as { description?: string }).description ?? 'something else')}`,
      ];
    case 'pattern':
      return ['PCTL-VALUE', `cannot be ${shown(data)}`, example(parentSchema)];
    case 'minimum':
      return ['PCTL-VALUE', `must be at least ${params.limit}`];
    case 'maximum':
      return ['PCTL-VALUE', `must be at most ${params.limit}`];
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return ['PCTL-VALUE', 'must not be empty'];
    case 'maxLength':
      return ['PCTL-VALUE', `is longer than ${params.limit} characters`];
    case 'maxItems':
    case 'maxProperties':
      return ['PCTL-VALUE', `has more than ${params.limit} entries`];
    case 'uniqueItems':
      return ['PCTL-VALUE', 'has the same entry twice'];
    default:
      return ['PCTL-VALUE', 'is not what the schema wants'];
  }
}

/** Places whose errors people meet by name. */
const SPECIAL: Readonly<Record<string, { code: string; hint: string }>> = {
  'metadata.id': { code: 'PCTL-MODULE-ID', hint: 'letters, digits, _ and -, at most 63, not beginning with -' },
  'spec.id': { code: 'PCTL-MODULE-ID', hint: 'letters, digits, _ and -, at most 63, not beginning with -' },
  'spec.depends_on.*': { code: 'PCTL-MODULE-ID', hint: 'a module id' },
  'spec.runtime.compose_service': {
    code: 'PCTL-MODULE-SERVICE',
    hint: 'a name that compose takes: letters, digits, ., _ and -, not beginning with -',
  },
  'spec.runtime.project': {
    code: 'PCTL-MODULE-PROJECT',
    hint: 'a name that compose takes: lower-case letters, digits, - and _, beginning with a letter or digit',
  },
  'spec.smoke.stable_seconds': {
    code: 'PCTL-SMOKE-STABLE',
    hint: 'compose reports success for a restart loop: only staying up for a while proves something',
  },
  'spec.smoke.http.url': { code: 'PCTL-SMOKE-URL', hint: 'http://127.0.0.1:8080/health' },
};

function example(schema: unknown): string | undefined {
  const first = (schema as { examples?: unknown[] } | undefined)?.examples?.[0];
  return first === undefined ? undefined : `for example ${shown(first)}`;
}

/** What a missing key is for, from its own schema. */
function describe(error: ErrorObject, key: string): string | undefined {
  return (error.parentSchema as { properties?: Record<string, { description?: string }> } | undefined)?.properties?.[
    key
  ]?.description;
}

function pathOf(manifest: Manifest, pointer: string): Path {
  const path: (string | number)[] = [];
  for (const raw of pointer.split('/').slice(1)) {
    const step = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(at(manifest, path)) ? Number(step) : step);
  }
  return path;
}

/** `spec.files[2]` */
function dotted(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}
