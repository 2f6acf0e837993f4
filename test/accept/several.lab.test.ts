/** Several plans in one apply: two hosts, dependencies across them, failures, and what a person sees. Real sshd, real engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
const [first, second] = [lab.host('host1').name, lab.host('host2').name];
let on: Stage;

/** db and cache on one host, api on the other and after db, web after api. */
const MODULES = [
  ['db', first, []],
  ['cache', first, []],
  ['api', second, ['db']],
  ['web', first, ['api']],
] as const;
const IDS = MODULES.map(([id]) => id);

async function wants(value: string, broken: readonly string[] = []): Promise<void> {
  for (const [id, host, depends] of MODULES) {
    const command = broken.includes(id) ? { command: ['sh', '-c', 'exit 3'] } : {};
    await on.module(id, {
      host,
      compose: { services: { [id]: { ...IDLE, ...command, environment: { VALUE: value } } } },
      spec: { depends_on: [...depends] },
    });
  }
  await on.repo.publish(value);
  expect((await on.plan(...IDS)).exit).toBe(1);
  await on.approve(...IDS);
}

interface Event {
  readonly module: string;
  readonly step: string;
  readonly state: string;
}
interface Result {
  readonly module: string;
  readonly outcome: string;
  readonly message: string;
  readonly exitCode: number;
}

async function applyAll(phase: string, ...flags: string[]) {
  const done = await on.repo.platformctl(['apply', 'web', 'api', 'db', 'cache', '--json-lines', ...flags], {
    env: { PLATFORMCTL_PHASE: phase },
  });
  // The document is the last line.
  const lines = done.stdout.trimEnd().split('\n');
  const events = lines.slice(0, -1).map((line) => JSON.parse(line) as Event);
  const document = JSON.parse(lines.at(-1) as string) as { exitCode: number; results: Result[] };
  expect(document.exitCode).toBe(done.exit);
  expect(document.results.map((result) => result.module)).toEqual(['web', 'api', 'db', 'cache']);
  const outcomes = Object.fromEntries(document.results.map((result) => [result.module, result.outcome]));
  return { exit: done.exit, outcomes, events, results: document.results, stderr: done.stderr };
}

beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

describe('X-7 several plans in one apply', () => {
  it('G-2: phase 05 lets none of them through, and no host is asked', async () => {
    await wants('1');
    const { exit, outcomes, events } = await applyAll('05');
    expect(exit).toBe(4);
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['refused']));
    expect(events).toEqual([]);
  });

  it('--dry-run tells of each what it would run, takes nothing, and ends 1', async () => {
    const { exit, outcomes } = await applyAll('', '--dry-run');
    expect([exit, new Set(Object.values(outcomes))]).toEqual([1, new Set(['would_apply'])]);
  });

  it('what depends on another starts after that one has ended, whatever host it is on; exit 9', async () => {
    const { exit, outcomes, events } = await applyAll('06');
    expect([exit, outcomes]).toEqual([9, { web: 'applied', api: 'applied', db: 'applied', cache: 'applied' }]);
    const began = (id: string) => events.findIndex((event) => event.module === id && event.step === 'connect');
    const ended = (id: string) => events.findLastIndex((event) => event.module === id && event.step === 'record');
    expect(ended('db')).toBeLessThan(began('api'));
    expect(ended('api')).toBeLessThan(began('web'));
  });

  it('G-9: the same plans once more are stale; the first one stops the rest', async () => {
    const { exit, outcomes } = await applyAll('06');
    expect(exit).toBe(8);
    expect(Object.values(outcomes).sort()).toEqual(expect.arrayContaining(['skipped', 'stale']));
    expect(Object.values(outcomes)).not.toContain('applied');
  });

  it('X-4: plans without changes need neither approval nor phase, and end 0', async () => {
    expect((await on.plan(...IDS)).exit).toBe(0);
    const { exit, outcomes } = await applyAll('');
    expect([exit, new Set(Object.values(outcomes))]).toEqual([0, new Set(['no_changes'])]);
  });

  it('a failure stops what was not started; what was there before runs again; the table tells all of it', async () => {
    await wants('2', ['db']);
    const done = await on.repo.platformctl(['apply', ...IDS, '--parallel', '1'], { env: { PLATFORMCTL_PHASE: '06' } });
    expect(done.exit, done.stdout + done.stderr).toBe(11);
    const table = done.stdout.slice(done.stdout.indexOf('MODULE'));
    expect(table).toMatch(/^db +\S+ +rolled back +[0-9a-f]{7} +\d+ s +the container exited with code 3$/m);
    for (const id of ['cache', 'api', 'web'])
      expect(table).toMatch(
        new RegExp(`^${id} +\\S+ +skipped +[0-9a-f]{7} +- +db came first and was not applied$`, 'm'),
      );
    expect(table).toMatch(/^0 applied, 0 unchanged, 1 failed, 3 skipped/m);
  });

  it('--keep-going: only what depends on it is stopped, through others too', async () => {
    await wants('3', ['db']);
    const { exit, outcomes, results } = await applyAll('06', '--keep-going');
    expect([exit, outcomes]).toEqual([11, { db: 'rolled_back', api: 'skipped', web: 'skipped', cache: 'applied' }]);
    expect(results.find((result) => result.module === 'web')).toMatchObject({ exitCode: 11 });
  });

  it('one that is refused by a gate stops all, before any host is asked', async () => {
    await wants('4');
    // One plan without its signature: made again for another commit.
    await on.module('cache', {
      host: first,
      compose: { services: { cache: { ...IDLE, environment: { VALUE: 'unsigned' } } } },
    });
    await on.repo.publish('unsigned');
    expect((await on.plan('cache')).exit).toBe(1);
    const { exit, outcomes, events } = await applyAll('06');
    expect([exit, outcomes]).toEqual([5, { web: 'skipped', api: 'skipped', db: 'skipped', cache: 'refused' }]);
    expect(events).toEqual([]);
  });
});
