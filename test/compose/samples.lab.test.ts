import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgeResolved } from '../../src/compose/policy.js';
import { references } from '../../src/compose/references.js';
import { readSkeleton, skeleton } from '../../src/compose/skeleton.js';
import { FOLDER, SAMPLES, sampleDotenv, sampleText, told } from './samples.js';
import { CONTEXT, composeVersions, parsed, resolve } from './setup.js';

const VERSIONS = composeVersions();

describe.runIf(VERSIONS.length > 0).each(VERSIONS)('G-7, P-12: as $name resolves them', ({ command }) => {
  it.each(SAMPLES)('%s', async (name) => {
    const file = parsed(sampleText(name));
    const services = [...file.services.keys()];
    const variables = services.flatMap((service) =>
      references(file, service).variables.map((variable) => variable.name),
    );
    const answer = resolve(command, skeleton(file, services, variables), sampleDotenv(name));
    expect(answer).not.toContain('hunter22');
    const verdicts = services.map((service) => {
      const read = readSkeleton(JSON.parse(answer), service, file);
      const missing = references(file, service).variables.filter(
        (variable) => variable.required && !read.variables.get(variable.name),
      );
      expect(missing).toEqual([]);
      const verdict = judgeResolved(read.resolved, { ...CONTEXT, module: service }, { file, service });
      return `${told(service, verdict)}\n  resolved ${JSON.stringify(read.resolved)}`;
    });
    await expect(`${verdicts.join('\n\n')}\n`).toMatchFileSnapshot(join(FOLDER, `${name}.resolved.txt`));
  });
});
