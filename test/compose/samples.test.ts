import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judgeText } from '../../src/compose/policy.js';
import { FOLDER, SAMPLES, sampleText, told } from './samples.js';
import { CONTEXT, parsed } from './setup.js';

it.each(SAMPLES)('G-7: %s as text', async (name) => {
  const file = parsed(sampleText(name));
  const verdicts = [...file.services.keys()].map((service) =>
    told(service, judgeText(file, service, { ...CONTEXT, module: service })),
  );
  await expect(`${verdicts.join('\n\n')}\n`).toMatchFileSnapshot(join(FOLDER, `${name}.text.txt`));
});
