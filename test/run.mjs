/**
 * `npm test [-- [--no-lab] [--report FILE] [vitest arguments]]`: all tests, also on a fresh clone. Installs what is missing where it may
 * (npm packages; as root on Debian what the lab needs), builds, runs vitest, stops what it started, and ends with `N passed, N failed`.
 * Without the means for a lab it names what is missing and the files that it leaves out; with CI=true that is a failure.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, installPackages, labMissing, stopLabs, Unable } from './tools/bootstrap.mjs';
import { countFile, line } from './tools/count.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const IN_CI = process.env.CI === 'true';
// By this name whatever lab a test left running is found again.
const OWNER = `test-${process.pid}-${Date.now()}`;

const say = (text) => console.error(`test: ${text}`);

function labFiles(folder = 'test') {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return labFiles(path);
    return entry.name.endsWith('.lab.test.ts') ? [path] : [];
  });
}

/** The files that must be left out, [] where there can be a lab. */
function filesWithoutLab(unwanted) {
  if (!unwanted) {
    const missing = labMissing();
    if (missing === null) return [];
    say(`no lab here; missing:\n${missing.replaceAll(/^/gm, '  ')}`);
  }
  const files = labFiles();
  if (IN_CI) throw new Unable(`with CI=true no test may be left out: ${files.join(' ')}`);
  say(`left out, for want of a lab: ${files.join(' ')}`);
  return files;
}

/** Ctrl-C reaches vitest by itself, TERM is passed on; either way what was started is stopped below. */
function vitest(report, args) {
  const given = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const child = spawn(process.execPath, [...given, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLATFORMCTL_LAB_OWNER: OWNER },
  });
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

async function test(args, scratch) {
  const unwanted = args.includes('--no-lab');
  const at = args.indexOf('--report');
  const report = at < 0 ? join(scratch, 'report.json') : args.splice(at, 2)[1];
  const rest = args.filter((arg) => arg !== '--no-lab');

  installPackages(say);
  const without = filesWithoutLab(unwanted);
  build(say);
  rmSync(report, { force: true });
  const code = await vitest(report, without.length > 0 ? ['--project', 'unit', ...rest] : rest);
  const counts = countFile(report);
  for (const file of counts.files) say(`failed without a failed test in it: ${file}`);
  if (code !== 0 && counts.failed === 0) {
    say(`vitest exited ${code} though no test failed: an error outside of tests, above`);
    counts.failed = 1;
  }
  counts.skipped += without.length;
  if (IN_CI && counts.skipped > 0) {
    say('with CI=true a skipped test is a failed one');
    counts.failed += counts.skipped;
    counts.skipped = 0;
  }
  return counts;
}

const scratch = mkdtempSync(join(tmpdir(), 'platformctl-test-'));
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  counts = await test(process.argv.slice(2), scratch);
} catch (error) {
  if (!(error instanceof Unable)) throw error;
  say(error.message);
} finally {
  stopLabs(OWNER);
  rmSync(scratch, { recursive: true, force: true });
}
console.log(line(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
