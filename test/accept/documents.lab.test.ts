/** Every `--json` document of C-1, as the built CLI prints it of real hosts, against its schema; and the exits of what is no result at all. */
import { readdir, readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformctl } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
const ajv = new Ajv2020({ allErrors: true, strict: false });
const PHASE = { PLATFORMCTL_PHASE: '05' };

async function schemas(): Promise<string[]> {
  return (await readdir('schemas')).filter((name) => name.endsWith('.schema.json'));
}

/** Schemas whose documents were seen. */
const printed = new Set<string>();

/** Parses stdout as one document of a schema, whose exitCode is the exit. */
async function document(schema: string, args: readonly string[], exit: number, env: Record<string, string> = {}) {
  const done = await on.repo.platformctl([...args, '--json'], { env });
  expect(done.exit, done.stdout + done.stderr).toBe(exit);
  const data = JSON.parse(done.stdout);
  const { $id } = JSON.parse(await readFile(`schemas/${schema}.schema.json`, 'utf8'));
  const valid = ajv.validate($id, data);
  expect([valid, ajv.errors]).toEqual([true, null]);
  expect(data).toMatchObject({ schema_version: expect.stringMatching(/^1\./), exitCode: exit });
  printed.add(schema);
  return data;
}

beforeAll(async () => {
  for (const name of await schemas()) ajv.addSchema(JSON.parse(await readFile(`schemas/${name}`, 'utf8')));
  on = await stage(lab);
  await on.module('web', { compose: { services: { web: IDLE } } });
  await on.repo.publish('web');
});
afterAll(() => on.dispose());

describe('C-1 documents', () => {
  it('plan, approve, explain-approval, apply, status, lock list, audit verify: one journey', async () => {
    await document('status-output', ['status'], 0);
    await document('plan-output', ['plan', '--offline'], 1);
    await document('plan-output', ['plan'], 1);
    await document('explain-approval', ['explain-approval', 'web'], 5);
    await document('apply-output', ['apply', 'web'], 4);
    await document('approve', ['approve', 'web'], 0);
    await document('explain-approval', ['explain-approval', 'web'], 0);
    await document('apply-output', ['apply', 'web', '--dry-run'], 1);
    await document('lock-output', ['lock', 'list'], 0);
    await document('apply-output', ['apply', 'web'], 9, PHASE);
    await document('status-output', ['status', 'web'], 0);
    await document('audit-output', ['audit', 'verify'], 0);
    await document('audit-output', ['audit', 'verify', '--host', 'host1'], 0);
    await document('plan-output', ['plan'], 0);
    await document('apply-output', ['apply', 'web'], 0, PHASE);
  });

  it('show prints the plan itself', async () => {
    await document('plan', ['show', 'web'], 0);
  });

  it("a roll back, with the container's log", async () => {
    await on.module('web', { compose: { services: { web: { ...IDLE, command: ['sh', '-c', 'echo no; exit 3'] } } } });
    await on.repo.publish('broken');
    await document('plan-output', ['plan'], 1);
    await on.approve('web');
    const data = await document('apply-output', ['apply', 'web'], 11, PHASE);
    expect(data.results[0]).toMatchObject({ outcome: 'rolled_back', log: ['no'] });
    await document('status-output', ['status'], 0);
  });

  it('validate, with problems and without', async () => {
    await document('validate', ['validate'], 0);
    await on.repo.write('modules/bad/module.yaml', 'kind: Nothing\n');
    expect((await document('validate', ['validate'], 3)).problems).not.toEqual([]);
    expect((await document('plan-output', ['plan', 'bad'], 3)).errors).not.toEqual([]);
    await on.repo.remove('modules/bad');
  });

  it('doctor and host check', async () => {
    const checked = await document('checks-output', ['host', 'check', 'host1'], 0);
    expect(checked.checks.every(({ ok }: { ok: boolean }) => ok)).toBe(true);
    const { exit, stdout } = await on.repo.platformctl(['doctor', '--json']);
    await document('checks-output', ['doctor'], exit as number);
    expect(JSON.parse(stdout).checks.length).toBeGreaterThan(checked.checks.length);
  });

  it('runs, logs of a run and of a container, config view, version, init', async () => {
    const { runs } = await document('runs-output', ['runs'], 0);
    expect(runs).toHaveLength(2);
    await document('run-logs-output', ['logs', runs[0].run_id], 0);
    await document('logs-output', ['logs', 'web'], 0);
    await document('config-output', ['config', 'view'], 0);
    await document('version-output', ['version'], 0);
    await document('init', ['init', '--team'], 0);
    await on.repo.git('checkout', '--quiet', '--', '.');
    await on.repo.git('clean', '--quiet', '-fd');
  });

  it('rollback, its plan, drift, and the removal of a module', async () => {
    await on.module('web', { compose: { services: { web: { ...IDLE, environment: { N: '2' } } } } });
    await on.repo.publish('second');
    await document('plan-output', ['plan'], 1);
    await on.approve('web');
    await document('apply-output', ['apply', 'web'], 9, PHASE);
    await document('plan-output', ['rollback', 'web', '--out', '../back.plan.json'], 1);
    await document('apply-output', ['rollback', 'web'], 9, { PLATFORMCTL_PHASE: '06' });
    await document('status-output', ['status'], 0);
    await lab.docker('stop', await on.container(on.project('web'), 'web'));
    await document('drift-output', ['drift', 'web'], 1);
    await document('plan-output', ['plan', 'web', '--remove'], 1);
    await on.approve('web');
    await document('apply-output', ['apply', 'web'], 9, PHASE);
    await document('status-output', ['status'], 0);
    await document('drift-output', ['drift'], 0);
  });

  it('an error without a result', async () => {
    expect(await document('error', ['plan', 'nobody'], 3)).toMatchObject({ error: { code: 'PCTL-MODULE-UNKNOWN' } });
    await document('error', ['apply', 'web', '--lock-wait', 'soon'], 2);
    await document('error', ['plna'], 2);
    await document('error', ['plan', '--no-such-flag'], 2);
  });
});

describe('C-1 schemas', () => {
  /** Of files, and of the document that has a file of its own to be tested in. */
  const ELSEWHERE = ['audit-head', 'host-add', 'import', 'module', 'platform', 'stack', 'status'];

  it('every document that has a schema was printed above', async () => {
    const names = (await schemas()).map((name) => name.replace('.schema.json', ''));
    expect(names.filter((name) => !printed.has(name) && !ELSEWHERE.includes(name))).toEqual([]);
  });
});

describe('7-cli exits', () => {
  it.each([
    [['plna'], /did you mean plan\?/],
    [['plan', '--offlin'], /did you mean --offline\?/],
    [['plan', '--all', 'web'], /exclude/],
    [['apply'], /missing required argument/],
    [['apply', 'web', '--lock-wait', 'soon'], /--lock-wait takes a number of seconds/],
    [['show', 'no/such/file.json'], /no file/],
    [['help', 'nothing'], /no command or topic/],
    [['audit'], /needs to be told what to do/],
  ])('%j is wrong usage: 2', async (args, says) => {
    const { exit, stdout, stderr } = await on.repo.platformctl(args);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(says);
  });

  it.each([['plan'], ['validate'], ['apply', 'web'], ['status'], ['doctor'], ['init', '--solo']])(
    'no git repo: %s ends 2',
    async (...args) => {
      const { exit, stdout, stderr } = await platformctl('/', args.flat());
      expect(exit).toBe(2);
      expect(stdout + stderr).toMatch(/git/);
    },
  );

  it('-h of every command, and help of the topics: 0, on stdout', async () => {
    const { stdout } = await on.repo.platformctl(['-h']);
    const commands = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)/gm)].map(
      ([, name]) => name as string,
    );
    expect(commands).toEqual(expect.arrayContaining(['plan', 'apply', 'approve', 'status', 'doctor', 'help']));
    for (const args of [...commands.map((name) => [name, '-h']), ['help', 'exit-codes'], ['help', 'environment']]) {
      const told = await on.repo.platformctl(args);
      expect([args, told.exit, told.stderr]).toEqual([args, 0, '']);
      expect(told.stdout.length).toBeGreaterThan(50);
    }
  });
});
