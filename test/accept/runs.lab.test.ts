/** `runs` and `logs RUN` as any machine sees them: real hosts, two checkouts. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, prepare } from '../faults/scene.js';
import type { Finished } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { type Checkout, secondCheckout } from './checkout.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
let second: Checkout;
const ids = { first: '', broken: '' };

interface Row {
  readonly run_id: string;
  readonly module: string;
  readonly host: string;
  readonly outcome: string;
  readonly why: string | null;
  readonly duration_seconds: number | null;
}

beforeAll(async () => {
  on = await stage(lab);
  await on.module('web', { compose: { services: { web: IDLE } } });
  await on.module('api', { compose: { services: { api: IDLE } } });
  await on.repo.publish('both');
  for (const id of ['web', 'api']) await prepare(on, id);
  const first = await apply(on, 'web');
  expect(first.exit, first.said).toBe(9);
  ids.first = first.result?.run_id ?? '';
  expect((await apply(on, 'api')).exit).toBe(9);
  await on.module('web', { compose: { services: { web: { ...IDLE, command: ['sh', '-c', 'echo no; exit 3'] } } } });
  await on.repo.publish('broken');
  await prepare(on, 'web');
  const broken = await apply(on, 'web');
  expect(broken.exit, broken.said).toBe(11);
  ids.broken = broken.result?.run_id ?? '';
  second = await secondCheckout(on);
});
afterAll(async () => {
  await second?.dispose();
  await on.dispose();
});

async function document<T>(schema: string, done: Finished, exit = 0): Promise<T> {
  expect(done.exit, done.stdout + done.stderr).toBe(exit);
  const data = JSON.parse(done.stdout);
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  const valid = ajv.compile(JSON.parse(await readFile(`schemas/${schema}.schema.json`, 'utf8')));
  valid(data);
  expect(valid.errors ?? []).toEqual([]);
  expect(data.exitCode).toBe(exit);
  return data;
}

const runs = async (exit: number, ...args: string[]) =>
  document<{ runs: Row[]; more: boolean; errors: { code: string; where: { host: string } }[] }>(
    'runs-output',
    await second.platformctl(['runs', '--json', ...args]),
    exit,
  );

describe('R-8 runs, from a machine that made none of them', () => {
  it('newest first, with module, host, who, SHA, outcome, duration', async () => {
    const head = await second.git('rev-parse', 'HEAD');
    const { runs: rows, more } = await runs(0);
    expect(more).toBe(false);
    expect(rows.map(({ module, outcome }) => [module, outcome])).toEqual([
      ['web', 'rolled_back'],
      ['api', 'applied'],
      ['web', 'applied'],
    ]);
    expect(rows[0]).toMatchObject({
      run_id: ids.broken,
      host: 'host1',
      kind: 'apply',
      source_sha: head,
      why: 'the container exited with code 3',
      who: expect.stringMatching(/^[^@]+@/),
      started_at: expect.stringMatching(/^20/),
    });
    expect(rows[0]?.duration_seconds).toBeGreaterThanOrEqual(0);
    expect(rows[0]?.duration_seconds).toBeLessThan(600);
  });

  it('of one module, so many, of one host', async () => {
    expect((await runs(0, 'web')).runs.map(({ run_id }) => run_id)).toEqual([ids.broken, ids.first]);
    expect(await runs(0, '--limit', '1')).toMatchObject({ runs: [{ run_id: ids.broken }], more: true });
    expect((await runs(0, '--host', 'host2')).runs).toEqual([]);
    const text = await second.platformctl(['runs', 'web']);
    expect(text.stdout).toMatch(
      /^RUN .*\n[0-9a-f]{8}-[0-9a-f]{4} {2}web {2,}host1 .* ROLLED BACK .* exited with code 3\n/,
    );
    expect(text.stdout).toContain(`next: platformctl logs ${ids.broken.slice(0, 13)} `);
  });

  it('a run that died on the host is unknown; one that never came to `go` changed nothing', async () => {
    const folder = `${on.repo.remoteRoot()}/.platform/runs`;
    const dead = ids.broken.replace(/^.{8}/, 'ffffffff');
    const before = ids.broken.replace(/^.{8}/, 'fffffffe');
    const holder = await readFile(`${folder}/${ids.broken}/holder`);
    for (const id of [dead, before]) {
      await mkdir(`${folder}/${id}`);
      await writeFile(`${folder}/${id}/holder`, holder);
      await writeFile(`${folder}/${id}/locks`, 'module.gone\n');
    }
    await writeFile(`${folder}/${dead}/journal`, 'start started 0 100 -\nup started 0 102 -\nend appl');
    const { runs: rows } = await runs(0, 'gone');
    expect(rows.map(({ run_id, outcome }) => [run_id, outcome])).toEqual([
      [dead, 'unknown'],
      [before, 'interrupted'],
    ]);
    for (const id of [dead, before]) await rm(`${folder}/${id}`, { recursive: true });
  });

  it('X-1 a run that ended before `go` left its journal, and nothing else', async () => {
    const spent = await apply(on, 'api');
    expect([spent.exit, spent.result?.outcome]).toEqual([8, 'stale']);
    const id = spent.result?.run_id ?? '';
    const { runs: rows } = await runs(0, 'api');
    expect(rows[0]).toMatchObject({ run_id: id, outcome: 'stale', kind: null, why: expect.stringMatching(/^PCTL-/) });
    expect((await readdir(`${on.repo.remoteRoot()}/.platform/runs/${id}`)).sort()).toEqual([
      'holder',
      'journal',
      'locks',
    ]);
    const { stdout } = await second.platformctl(['logs', id]);
    expect(stdout).toMatch(/^stale {3}api {3}host1 .*it ended before anything was changed\n$/s);
    await rm(`${on.repo.remoteRoot()}/.platform/runs/${id}`, { recursive: true });
  });

  it('what is not there: a module, a host, a number', async () => {
    expect(await document('error', await second.platformctl(['runs', 'nobody', '--json']), 3)).toMatchObject({
      error: { code: 'PCTL-MODULE-UNKNOWN' },
    });
    await document('error', await second.platformctl(['runs', '--host', 'nowhere', '--json']), 4);
    for (const limit of ['0', '-1', 'x', '1e9'])
      await document('error', await second.platformctl(['runs', '--limit', limit, '--json']), 2);
  });
});

interface Logs {
  readonly run: Row;
  readonly journal: { step: string; state: string }[];
  readonly outputs: { name: string; size: number; truncated: boolean; content: string }[];
}

describe('R-8 logs RUN, from a machine that did not make it', () => {
  it('what it was, each step, what compose and the container said', async () => {
    const logs = await document<Logs>('run-logs-output', await second.platformctl(['logs', ids.broken, '--json']));
    expect(logs.run).toMatchObject({ run_id: ids.broken, module: 'web', host: 'host1', outcome: 'rolled_back' });
    expect(logs.journal.map(({ step, state }) => `${step} ${state}`)).toEqual(
      expect.arrayContaining(['start started', 'intent ended', 'up ended', 'back started', 'end rolled_back']),
    );
    const content = Object.fromEntries(logs.outputs.map(({ name, content }) => [name, content]));
    expect(content['container.log']).toBe('no\n');
    expect(content['up.err']).toMatch(/Container .*web-1/);
    const text = await second.platformctl(['logs', ids.broken.slice(0, 13)]);
    expect(text.exit, text.stderr).toBe(0);
    expect(text.stdout).toMatch(/^ROLLED BACK {3}web {3}host1 {3}[0-9a-f]{7} {3}\d+ s\n {2}run {3}[0-9a-f-]{36}, by /);
    expect(text.stdout).toMatch(/^ {2}\+\d+ s +verify +FAILED: the container exited with code 3$/m);
    expect(text.stdout).toMatch(/^--- container\.log, 3 bytes\nno\n/m);
  });

  it('the beginning of an id that several have names them; one that none has is not found', async () => {
    // Ids of these minutes begin alike.
    const { error } = await document<{ error: { code: string; why: string; hint: string } }>(
      'error',
      await second.platformctl(['logs', ids.broken.slice(0, 5), '--json']),
      3,
    );
    expect(error.code).toBe('PCTL-RUN-AMBIGUOUS');
    expect(error.why).toContain(ids.broken.slice(0, 13));
    expect(error.why).toContain(ids.first.slice(0, 13));
    const { exit } = await second.platformctl([...error.hint.split(' ').slice(1)]);
    expect(exit).toBe(0);
    for (const [name, code] of [
      ['ffff', 'PCTL-RUN-UNKNOWN'],
      ['nobody', 'PCTL-LOGS-UNKNOWN'],
      ['../../etc', 'PCTL-LOGS-UNKNOWN'],
    ] as const)
      expect(await document('error', await second.platformctl(['logs', name, '--json']), 3)).toMatchObject({
        error: { code },
      });
  });

  it('O-1, O-5 what was said is redacted by whoever reads it, and nothing of it acts', async () => {
    const said = 'password=hunter2hunter2 \x1b[2J\u009b2J\n::error::x\n##[command]y\n\u202e\xff\n';
    await on.onHost('host1', `cat >> ${on.repo.remoteRoot()}/.platform/runs/${ids.first}/up.err`, said);
    for (const args of [
      ['logs', ids.first],
      ['logs', ids.first, '--json'],
      ['logs', ids.first, '--raw'],
    ]) {
      const { stdout } = await second.platformctl(args);
      expect(stdout).toContain('password=***');
      expect(stdout).not.toContain('hunter2');
    }
    const { stdout } = await second.platformctl(['logs', ids.first]);
    expect(stdout).toContain('\\x1b[2J\\x9b2J\n: :error::x\n# #[command]y\n<U+202E>');
    expect((await second.platformctl(['logs', ids.first, '--raw'])).stdout).toContain('\x1b[2J\u009b2J\n::error::x');
  });

  it('a host that is not reached hides none of the others: 7, and what the others have', async () => {
    const config = await readFile(`${second.dir}/.platform/config.yaml`, 'utf8');
    const port = String(lab.host('host2').port);
    await writeFile(`${second.dir}/.platform/config.yaml`, config.replace(`port: ${port}`, 'port: 1'));
    await second.git('commit', '--quiet', '--all', '-m', 'a host that is not there');
    const policy = await second.git('rev-parse', 'HEAD');
    await second.git('push', '--quiet', 'origin', `${policy}:main`);
    await second.git('fetch', '--quiet');
    const { runs: rows, errors } = await runs(7);
    expect(rows).toHaveLength(3);
    expect(errors).toMatchObject([{ code: 'PCTL-HOST-CONNECT', where: { host: 'host2' } }]);
    expect((await runs(0, 'web')).runs).toHaveLength(2);
  });

  it('a host that is not reached: the run of another is shown all the same, with a warning', async () => {
    const { exit, stdout, stderr } = await second.platformctl(['logs', ids.first]);
    expect([exit, stdout.split(' ')[0]]).toEqual([0, 'applied']);
    expect(stderr).toMatch(/^warning: host2 was not asked: /m);
    const error = await document('error', await second.platformctl(['logs', 'ffff', '--json']), 7);
    expect(error).toMatchObject({ error: { code: 'PCTL-RUN-UNKNOWN', why: expect.stringContaining('host2') } });
  });
});
