import { readdir, readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import * as adapter from '../../src/adapters/environment/names.js';
import { NEVER_FROM_ENV_FILE } from '../../src/manifest/config-rules.js';
import { generatePages } from '../tools/docs.js';
import { generateSchemas, generateTypes } from '../tools/types.js';

describe('what is generated is what the schemas give (M-1)', () => {
  it('types and schemas', async () => {
    expect(await readFile('src/manifest/types.ts', 'utf8')).toBe(await generateTypes());
    expect(await readFile('src/manifest/schemas.ts', 'utf8')).toBe(await generateSchemas());
  });

  it('every schema follows the meta-schema, which is not asked at run time', async () => {
    const names = await readdir('schemas');
    expect(names).toContain('plan.schema.json');
    for (const name of names) {
      const ajv = new Ajv2020({ strict: false });
      expect(ajv.validateSchema(JSON.parse(await readFile(`schemas/${name}`, 'utf8'))), name).toBe(true);
    }
  });

  it('docs', async () => {
    for (const [target, text] of await generatePages()) expect(await readFile(target, 'utf8'), target).toBe(text);
  });

  it('config.yaml and the environment refuse the same names (M-6)', () => {
    expect(adapter.NEVER_FROM_ENV_FILE.source).toBe(NEVER_FROM_ENV_FILE.source);
  });
});
