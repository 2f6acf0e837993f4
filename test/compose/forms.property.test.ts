/** However a denied thing is written down, it is denied. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parseCompose } from '../../src/compose/file.js';
import { judgeText } from '../../src/compose/policy.js';
import { references } from '../../src/compose/references.js';
import { skeleton } from '../../src/compose/skeleton.js';
import { PlatformError } from '../../src/errors.js';
import { DENIED, documentOf } from './denials.js';
import { bytes, CONTEXT, parsed } from './setup.js';

type Doc = { services: Record<string, Record<string, unknown>>; [key: string]: unknown };

/** Notations of the same document. */
const FORMS: Readonly<Record<string, (document: Doc) => string>> = {
  json: (document) => JSON.stringify(document, null, 2),
  block: (document) => stringify(document),
  'quoted keys': (document) =>
    stringify(document, { defaultKeyType: 'QUOTE_DOUBLE', defaultStringType: 'QUOTE_SINGLE' }),
  flow: (document) => stringify(document, { collectionStyle: 'flow' }),
  'merge key': ({ services, ...top }) =>
    `${stringify({ 'x-app': services.app }).replace('x-app:', 'x-app: &app')}${stringify({ services: { ...services, app: {} }, ...top }).replace('app: {}', 'app: { <<: *app }')}`,
  'merge key in a list': ({ services, ...top }) =>
    `x-none: &none {}\n${stringify({ 'x-app': services.app }).replace('x-app:', 'x-app: &app')}${stringify({ services: { ...services, app: {} }, ...top }).replace('app: {}', 'app: { <<: [*none, *app] }')}`,
  alias: ({ services, ...top }) =>
    `${stringify({ 'x-app': services.app }).replace('x-app:', 'x-app: &app')}${stringify({ services: { ...services, app: 'HERE' }, ...top }).replace('app: HERE', 'app: *app')}`,
  extends: ({ services, ...top }) =>
    stringify({ ...top, services: { ...services, base: services.app, app: { extends: 'base' } } }),
  'extends twice': ({ services, ...top }) =>
    stringify({
      ...top,
      services: {
        ...services,
        b1: services.app,
        b2: { extends: { service: 'b1' }, labels: {} },
        app: { extends: 'b2', user: '1' },
      },
    }),
};

/** The same element of the other notation, where a key has two. */
function otherNotation(service: Record<string, unknown>): Record<string, unknown> {
  const volumes = service.volumes;
  if (!Array.isArray(volumes)) return service;
  return {
    ...service,
    volumes: volumes.map((mount: unknown) => {
      if (typeof mount !== 'string') return mount;
      const [source = '', target, option] = mount.split(':');
      const read = option === 'ro' ? { read_only: true } : option ? { bind: { propagation: option } } : {};
      return target === undefined
        ? mount
        : { type: /^[./~]/.test(source) ? 'bind' : 'volume', source, target, ...read };
    }),
  };
}

describe('G-7: no notation slips through', () => {
  it.each(Object.keys(FORMS))('%s', (name) => {
    for (const given of DENIED) {
      const document = documentOf(given) as Doc;
      const text = FORMS[name]?.(document) ?? '';
      const { denials } = judgeText(parsed(text), 'app', CONTEXT);
      expect(
        denials.map(({ rule, value }) => [rule, value]),
        `${given.name}\n${text}`,
      ).toContainEqual(given.denied);
    }
  });

  it('short and long notation, among harmless neighbours, in any order', () => {
    const harmless = {
      ports: ['80:80'],
      environment: { A: 'b' },
      labels: ['a=b'],
      'x-a': 1,
      restart: 'always',
      tmpfs: ['/t'],
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...DENIED),
        fc.constantFrom(...Object.keys(FORMS)),
        fc.boolean(),
        fc.shuffledSubarray(Object.keys(harmless)),
        (given, form, long, keys) => {
          const document = documentOf(given) as Doc;
          const app = long ? otherNotation(document.services.app ?? {}) : (document.services.app ?? {});
          const neighbours = Object.fromEntries(keys.map((key) => [key, harmless[key as keyof typeof harmless]]));
          document.services.app = { ...neighbours, ...app };
          const { denials } = judgeText(parsed(FORMS[form]?.(document) ?? ''), 'app', CONTEXT);
          expect(denials.map(({ rule, value }) => [rule, value])).toContainEqual(given.denied);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a source is judged by where it leads, however it is spelt', () => {
    const noise = fc.array(fc.constantFrom('.', 'x/..', '', './.', 'a/b/../..'), { maxLength: 4 });
    const sacred = fc.constantFrom(
      '/etc',
      '/root/.ssh',
      '/var/run',
      '/proc/1',
      '/usr/bin',
      '/opt/stacks/.platform',
      '/lib64',
    );
    fc.assert(
      fc.property(sacred, noise, noise, fc.boolean(), (path, before, after, relative) => {
        const spelt = `${relative ? '../../..' : ''}/${before.map((part) => `${part}/`).join('')}${path.slice(1)}/${after.join('/')}`;
        const file = parsed(JSON.stringify({ services: { app: { image: 'a:1', volumes: [`${spelt}:/x`] } } }));
        expect(judgeText(file, 'app', CONTEXT).denials).toMatchObject([
          { rule: 'bind_sacred', value: path, exceptionPossible: false },
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('M-3: hostile files', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const keys = fc.constantFrom(
    ...DENIED.flatMap(({ service }) => Object.keys(service)),
    'image',
    'ports',
    'healthcheck',
    'depends_on',
    'environment',
    'logging',
    'x-a',
    'extends',
  );
  const service = fc.dictionary(keys, json, { maxKeys: 5 });
  const top = fc.dictionary(fc.constantFrom('a', 'b', 'default'), json, { maxKeys: 3 });

  it('any values give a verdict, problems, or nothing else', () => {
    fc.assert(
      fc.property(service, service, top, (app, other, entries) => {
        const result = parseCompose(
          bytes(
            JSON.stringify({
              services: { app, other },
              volumes: entries,
              networks: entries,
              configs: entries,
              secrets: entries,
            }),
          ),
          'c.yaml',
        );
        if (!result.ok) return;
        const verdict = judgeText(result.file, 'app', CONTEXT);
        expect(verdict.denials.every(({ rule, where }) => rule !== '' && where.file === 'c.yaml')).toBe(true);
        const { variables } = references(result.file, 'app');
        JSON.parse(
          skeleton(
            result.file,
            ['app', 'other'],
            variables.map(({ name }) => name),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc
            .string({
              unit: fc.constantFrom('services', ':', ' ', '\n', '-', '{', '}', '&a', '*a', '<<', 'a', '${', '"', '!x'),
              maxLength: 60,
            })
            .map(bytes),
        ),
        (input) => {
          const result = parseCompose(input, 'c.yaml');
          if (!result.ok) expect(result.problems.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a service that is not there is a PlatformError', () => {
    const file = parsed('services: {}');
    for (const name of ['app', '__proto__', 'toString', ''])
      expect(() => references(file, name)).toThrow(PlatformError);
  });
});
