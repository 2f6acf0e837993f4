import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from '../../src/compose/model.js';
import { exceptionToPaste } from '../../src/compose/policy.js';

/** Compose files in the shape of well-known projects, some with the `.env` that lies beside them. */
export const FOLDER = join(import.meta.dirname, 'samples');
export const SAMPLES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

export const sampleText = (name: string): string => readFileSync(join(FOLDER, `${name}.yaml`), 'utf8');
export const sampleDotenv = (name: string): string => {
  const path = join(FOLDER, `${name}.dotenv`);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

/** A verdict as a person would be told it. */
export function told(module: string, verdict: Verdict): string {
  const lines = verdict.denials.flatMap((denial) => [
    `  denied   ${denial.rule}${denial.value === null ? '' : ` ${denial.value}`} (line ${denial.where.line}): ${denial.why}`,
    `           ${denial.exceptionPossible ? exceptionToPaste(module, denial) : 'no exception is possible'}`,
  ]);
  const rest = [
    ...verdict.warnings.map((text) => `  warning  ${text}`),
    ...verdict.open.map((position) => `  open     ${position}`),
  ];
  return [module, ...(lines.length > 0 ? lines : ['  allowed']), ...rest].join('\n');
}
