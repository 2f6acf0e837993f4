/** bin/platformctl.js itself, as a shell starts it. */
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BARE, finish } from '../lab/process.js';

const BIN = fileURLToPath(new URL('../../bin/platformctl.js', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'platformctl-bin-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (command: string, ...args: string[]) => finish(command, args, { cwd: folder, env: { ...BARE } });

describe('--env-file is ours alone, for node has one of its own and looks for it behind a script too', () => {
  it('C-1 one that is not there: 2, with an error of ours; node would end with 9, which is `applied`', async () => {
    const { exit, stdout } = await run(BIN, 'validate', '--json', '--env-file', 'typo.env');
    expect(exit).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'PCTL-ENV-FILE' } });
  });

  it('M-6 NODE_OPTIONS in one is told and never obeyed', async () => {
    await writeFile(join(folder, 'it.env'), 'NODE_OPTIONS=--require=./evil.cjs\n');
    await writeFile(join(folder, 'evil.cjs'), 'console.log("it ran")');
    const { exit, stdout, stderr } = await run(BIN, 'validate', '--env-file', 'it.env');
    expect(exit, stderr).toBe(2);
    expect(stderr).toContain('skipped NODE_OPTIONS');
    expect(stdout).not.toContain('it ran');
  });
});

it('runs by its name on PATH, through a link', async () => {
  await mkdir(join(folder, 'path'));
  await symlink(BIN, join(folder, 'path/platformctl'));
  const env = { ...BARE, PATH: `${folder}/path:${BARE.PATH}` };
  expect(await finish('sh', ['-c', 'platformctl --version'], { env })).toMatchObject({ exit: 0, stderr: '' });
});

it('C-4 an installation that is not whole: 2, not the 1 of `changes`', async () => {
  await mkdir(join(folder, 'broken/bin'), { recursive: true });
  await writeFile(join(folder, 'broken/package.json'), '{"type":"module"}');
  await copyFile(BIN, join(folder, 'broken/bin/platformctl.js'));
  const { exit, stderr } = await run(join(folder, 'broken/bin/platformctl.js'), 'plan');
  expect([exit, stderr]).toEqual([2, expect.stringContaining('platformctl is not whole')]);
});
