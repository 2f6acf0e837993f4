/**
 * `npm run bench [-- NAME...]`: how platformctl compares with doing the same by hand, as ratios of medians in one run. The SSH ones need what the
 * tests' lab needs (root on Debian). Prints a table for docs/performance.md.
 */
import { cpus, release, totalmem } from 'node:os';
import type { Row } from './measure.js';

const BENCHES: Readonly<Record<string, () => Promise<Row[]>>> = {
  start: async () => (await import('./start.js')).start(),
  scale: async () => (await import('./scale.js')).scale(),
  ssh: async () => (await import('./ssh.js')).ssh(),
  plans: async () => (await import('./plans.js')).plans(),
  ansible: async () => (await import('./ansible.js')).ansible(),
  redact: async () => (await import('./redact.js')).redact(),
  fleet: async () => (await import('./fleet.js')).fleetBench(),
};

const seconds = (value: number): string => `${value < 1 ? value.toFixed(3) : value.toFixed(2)} s`;

function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model}), ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

const names = process.argv.slice(2).filter((arg) => arg !== '--');
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}

console.log(`${machine()}\n\n| what | median | baseline | median | ratio | runs |\n|---|---|---|---|---|---|`);
const notes: string[] = [];
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  for (const row of (await BENCHES[name]?.()) ?? []) {
    const ratio = (row.subjectSeconds / row.baselineSeconds).toFixed(2);
    console.log(
      `| ${row.what} | ${seconds(row.subjectSeconds)} | ${row.baseline} | ${seconds(row.baselineSeconds)} | ${ratio} | ${row.runs} |`,
    );
    if (row.note) notes.push(`${row.what}: ${row.note}`);
  }
}
for (const note of notes) console.log(`\n${note}`);
