/** Before the first `*.lab.test.ts`: a build that is not older than its sources, and the lab that they share. After the last: neither a process nor a folder of it. */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { type LabSettings, startLab } from './lab.js';

declare module 'vitest' {
  export interface ProvidedContext {
    lab: LabSettings;
  }
}

async function newestSource(): Promise<number> {
  const files = (await readdir('src', { recursive: true })).map((name) => stat(`src/${name}`));
  return Math.max(...(await Promise.all(files)).map((file) => file.mtimeMs));
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const built = await stat('dist/main.js').catch(() => null);
  if (!built || built.mtimeMs < (await newestSource())) {
    // Type errors are the typecheck's to report: what was emitted is what the tests judge.
    await promisify(execFile)(process.execPath, ['test/tools/build.mjs']).catch(({ stdout }) => console.warn(stdout));
  }
  const { stop, ...lab } = await startLab({ hosts: 2 });
  // For tests of compose alone: workers inherit these.
  process.env.PLATFORMCTL_LAB_COMPOSE_226 = lab.compose['2.26'];
  process.env.PLATFORMCTL_LAB_COMPOSE_240 = lab.compose['2.40'];
  // Only data crosses to the workers.
  project.provide('lab', JSON.parse(JSON.stringify(lab)));
  return stop;
}
