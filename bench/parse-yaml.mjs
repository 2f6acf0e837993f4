/** The baseline of bench/scale.ts: reads and parses every YAML file of a folder with the library that platformctl uses, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const [folder = '.'] = process.argv.slice(2);
let files = 0;
for (const name of readdirSync(folder, { recursive: true })) {
  if (!name.endsWith('.yaml') || name.startsWith('.git/')) continue;
  parse(readFileSync(join(folder, name), 'utf8'));
  files++;
}
console.log(files);
