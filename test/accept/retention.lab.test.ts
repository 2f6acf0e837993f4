/** old runs go by themselves, the last of a module never; whoever reads one meanwhile sees it whole or not at all. Real sshd, real engine. */
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { change, runsOf } from '../faults/scene.js';
import { sharedLab } from '../lab/shared.js';
import { runFiles } from '../record/samples.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
let turn = 0;

beforeAll(async () => {
  on = await stage(lab, { config: { retention: { runs: 3, days: 30 } } });
});
afterAll(() => on.dispose());

/** One more applied run; its id. */
async function applied(id: string): Promise<string> {
  turn += 1;
  await on.module(id, {
    compose: { services: { [id]: { ...IDLE, network_mode: 'none', labels: { turn: `${turn}` } } } },
  });
  const done = await change(on, id);
  expect(done.exit, done.said).toBe(9);
  return done.result?.run_id ?? '';
}

/** A run that ended so many days ago, in the agent's hands; its id. */
async function plant(module: string, days: number, n = 0): Promise<string> {
  const time = Math.round(Date.now() - days * 86_400_000)
    .toString(16)
    .padStart(12, '0');
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7abc-8def-${n.toString(16).padStart(12, '0')}`;
  const files = runFiles(id, module, 'start started 0 1 -\nend applied 9 2 healthy\n', {
    'up.out': 'said\n'.repeat(1000),
  });
  for (const [path, text] of Object.entries(files)) {
    const file = `${on.repo.remoteRoot()}/.platform/${path}`;
    await on.onHost('host1', `mkdir -p ${file.slice(0, file.lastIndexOf('/'))} && cat >${file}`, text);
  }
  return id;
}

const listed = async (id: string): Promise<string[]> => {
  const { stdout } = await on.repo.platformctl(['runs', id, '--json']);
  return (JSON.parse(stdout) as { runs: { run_id: string }[] }).runs.map(({ run_id }) => run_id);
};

it('so many runs of a module are kept, with what they said; those of others stay', async () => {
  const other = await applied('other');
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.unshift(await applied('web'));
  expect(await listed('web')).toEqual(ids.slice(0, 3));
  expect(await listed('other')).toEqual([other]);
  expect((await runsOf(on)).sort()).toEqual([...ids.slice(0, 3), other].sort());
  expect(await readdir(`${on.repo.remoteRoot()}/.platform/tmp`)).toEqual([]);
  expect((await on.repo.platformctl(['logs', ids[2] as string])).exit).toBe(0);
  expect((await on.repo.platformctl(['logs', ids[3] as string])).exit).toBe(3);
  expect((await on.repo.platformctl(['audit', 'verify', '--host', 'host1'])).exit).toBe(0);
});

it('what is older than so many days goes, but for the last run of a module', async () => {
  const young = await plant('api', 29);
  const old = await plant('api', 31);
  const alone = await plant('gone', 400);
  const id = await applied('api');
  expect(await listed('api')).toEqual([id, young]);
  expect(await runsOf(on)).not.toContain(old);
  expect(await runsOf(on)).toContain(alone);
});

it('a reader sees a run whole or not at all, and a list without gaps', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 6; n += 1) ids.push(await plant('cache', 1 + n / 100, n));
  let over = false;
  const reading = (async () => {
    const seen: string[] = [];
    while (!over) {
      const { exit, stdout } = await on.repo.platformctl(['logs', ids[5] as string, '--json']);
      const said = (JSON.parse(stdout) as { outputs?: { content: string }[] }).outputs?.[0]?.content;
      seen.push(exit === 0 ? `${said === 'said\n'.repeat(1000)}` : `${exit}`);
      expect((await on.repo.platformctl(['runs', 'cache'])).exit).toBe(0);
    }
    return new Set(seen);
  })();
  const id = await applied('cache');
  over = true;
  for (const one of await reading) expect(['true', '3']).toContain(one);
  expect(await listed('cache')).toEqual([id, ...ids.slice(0, 2)]);
});
