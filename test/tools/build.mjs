/**
 * `npm run build`: dist/ from src/. Exits 1 at a type error, though what was emitted is in place by then.
 * dist/ is swapped whole: no file of a removed source stays, and a platformctl that starts meanwhile finds the old or the new one.
 */
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { commandTable } from './command-table.mjs';

const made = `node_modules/.cache/platformctl-build-${process.pid}`;
await rm(made, { recursive: true, force: true });
await mkdir(made, { recursive: true });

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--outDir', made], {
  stdio: ['ignore', 'inherit', 'inherit'],
});

// Not imported (programs.ts holds their text): the commented source of what hosts are sent, for whoever reads the package.
await mkdir(`${made}/host`, { recursive: true });
for (const name of await readdir('src/host')) {
  if (name.endsWith('.sh')) await copyFile(`src/host/${name}`, `${made}/host/${name}`);
}

// What completion reads in place of building the command tree.
if (tsc.status === 0) {
  const { buildProgram } = await import(pathToFileURL(`${made}/program.js`).href);
  await writeFile(`${made}/commands.json`, JSON.stringify(commandTable(buildProgram(async () => {}))));
}

await rm(`${made}.old`, { recursive: true, force: true });
await rename('dist', `${made}.old`).catch((error) => {
  if (error.code !== 'ENOENT') throw error;
});
await rename(made, 'dist');
await rm(`${made}.old`, { recursive: true, force: true });
await chmod('bin/platformctl.js', 0o755);
process.exitCode = tsc.status === 0 ? 0 : 1;
