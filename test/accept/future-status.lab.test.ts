/** R-5 on a real host: what a newer platformctl wrote into a status survives every rewrite by this one, though the host itself puts the document together; what it cannot read it refuses. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/manifest/types.js';
import {
  apply,
  change,
  document,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  replacing,
  runsOf,
  STUBBORN,
  statusOf,
  supervisor,
  until,
} from '../faults/scene.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
let turn = 0;

beforeAll(async () => {
  on = await stage(lab);
  await write('web');
  const first = await change(on, 'web');
  expect(first.exit, first.said).toBe(9);
});
afterAll(() => on.dispose());

async function write(id: string, members: Readonly<Record<string, unknown>> = {}): Promise<void> {
  turn += 1;
  const service = { ...IDLE, network_mode: 'none', labels: { turn: `${turn}` }, ...members };
  await on.module(id, { compose: { services: { [id]: service } } });
}

const path = (): string => `${on.repo.remoteRoot()}/.platform/state/modules/web.status.json`;
const put = (text: string): Promise<string> =>
  on.onHost('host1', `cat >${path()}.new && mv ${path()}.new ${path()}`, text);

/** Members of a later minor version, with everything that a document can hold; each as JSON. */
const FUTURE: Readonly<Record<string, string>> = {
  a_text: '"quotes \\" and \\\\ and \\n, $(id) `id` %s ü \\u2028 \\ud83d\\ude00"',
  a_tree: '{"of":[{"more":null},1.5,[],{}],"audit":{"seq":1,"hash":"x"}}',
  container_ids: '["a","b"]',
  intentions: '{"outcome":"applied"}',
  ['__proto__']: '{"polluted":true}',
};
async function seedFuture(): Promise<void> {
  const text = (await readFile(path(), 'utf8')).trimEnd();
  const members = Object.entries(FUTURE).map(([name, json]) => `"${name}":${json}`);
  const newer = text.replace('"schema_version":"1.0"', `"schema_version":"1.7",${members.join(',')}`);
  await put(`${newer}\n`);
}

/** The future's members as they lie on the host now. */
async function survived(): Promise<void> {
  const text = await readFile(path(), 'utf8');
  const now = JSON.parse(text) as Status & Record<string, unknown>;
  for (const [name, json] of Object.entries(FUTURE)) {
    expect(Object.hasOwn(now, name), name).toBe(true);
    expect(now[name], name).toEqual(JSON.parse(json));
    expect(text.split(`"${name}":`).length, `${name} stands there once`).toBe(2);
  }
  expect(now.schema_version).toBe('1.7');
}

describe('R-5 members that this version does not know', () => {
  it('survive an apply, one that is rolled back, and are shown by status', async () => {
    await seedFuture();
    await write('web');
    const done = await change(on, 'web');
    expect(done.exit, done.said).toBe(9);
    await survived();
    await write('web', { command: ['sh', '-c', 'exit 3'] });
    const broken = await change(on, 'web');
    expect(broken.exit, broken.said).toBe(11);
    await survived();
    const { row } = await statusOf(on, 'web');
    expect(row).toMatchObject({ outcome: 'rolled_back', a_tree: JSON.parse(FUTURE.a_tree as string) });
    expect((await on.repo.platformctl(['audit', 'verify', '--host', 'host1'])).exit).toBe(0);
  });

  it('survive the death of a supervisor, and what the next run writes about it (R-3)', async () => {
    await write('web', STUBBORN);
    expect((await change(on, 'web')).exit).toBe(9);
    const before = await runsOf(on);
    await write('web');
    await on.repo.publish('next');
    await prepare(on, 'web');
    const running = await launch(on, 'web');
    const run = await journalled(on, before, /^up started/m);
    const old = await replacing(on, 'web');
    expect((await document(on, 'web'))?.outcome).toBe('applying');
    await survived();
    process.kill(await supervisor(on, run), 'SIGKILL');
    await running.ended;
    await lab.docker('kill', old);
    await until('compose', async () => (await processes('compose', on.project('web'), '--no-deps')).length === 0);
    await until('the lock', async () => (await locks(on)).length === 0);
    await survived();
    await write('web');
    const ended = await change(on, 'web');
    expect(ended.exit, ended.said).toBe(9);
    await survived();
  });

  it('a status of another major version is refused by whatever would read it, and left as it is', async () => {
    await write('web');
    await on.repo.publish('planned');
    await prepare(on, 'web');
    const before = await readFile(path(), 'utf8');
    for (const version of ['2.0', '2', 'banana']) {
      const newer = before.replace('"schema_version":"1.7"', `"schema_version":"${version}"`);
      await put(newer);
      for (const args of [
        ['status', 'web'],
        ['plan', 'web'],
        ['drift', 'web'],
      ]) {
        const { exit, stdout } = await on.repo.platformctl([...args, '--json']);
        expect([args[0], exit], stdout).toEqual([args[0], 3]);
        expect(stdout).toContain('PCTL-STATUS-VERSION');
      }
      const { exit, said } = await apply(on, 'web');
      expect(exit, said).toBe(3);
      expect(said).toContain('PCTL-STATUS-VERSION');
      expect(await readFile(path(), 'utf8')).toBe(newer);
    }
    await put(before);
    const done = await apply(on, 'web');
    expect(done.exit, done.said).toBe(9);
    await survived();
  });
});
