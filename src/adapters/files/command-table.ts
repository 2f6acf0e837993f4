import { readFileSync } from 'node:fs';

/** The command tree that the build wrote beside the code; checked by nobody, since nobody else writes there. */
export function commandTable(): unknown {
  return JSON.parse(readFileSync(new URL('../../commands.json', import.meta.url), 'utf8'));
}
