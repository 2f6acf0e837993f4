import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message, put } from '../../src/execute/protocol.js';
import { oldRuns } from '../../src/record/retention.js';
import type { Run } from '../../src/record/runs.js';
import { SHELLS, words, write } from '../host/words.js';
import { runFiles, runId } from './samples.js';

const NOW = Date.UTC(2026, 10, 24);
const DAY = 86_400_000;

/** A run of so many days ago. */
const run = (days: number, outcome: Run['outcome'] = 'applied'): Run => {
  const time = Math.round(NOW - days * DAY)
    .toString(16)
    .padStart(12, '0');
  return { id: `${time.slice(0, 8)}-${time.slice(8)}-7abc-8def-0123456789ab`, outcome } as Run;
};
const ids = (...runs: Run[]): string[] => runs.map(({ id }) => id);

describe('R-8 retention', () => {
  it('beyond so many, or older than so many days', () => {
    const [a, b, c, d] = [run(1), run(2), run(3), run(100)];
    expect(oldRuns([a, b, c, d], { runs: 200, days: 90 }, NOW)).toEqual(ids(d));
    expect(oldRuns([a, b, c, d], { runs: 2, days: 90 }, NOW)).toEqual(ids(c, d));
    expect(oldRuns([a, b, c, d], { runs: 1, days: 90 }, NOW)).toEqual(ids(b, c, d));
    expect(oldRuns([], { runs: 1, days: 1 }, NOW)).toEqual([]);
  });

  it('never the last one of a module, however old, nor one that goes on, nor one that its status needs', () => {
    const [now, last, older, oldest] = [run(0, 'applying'), run(400), run(500), run(600)];
    expect(oldRuns([now, last, older, oldest], { runs: 1, days: 1 }, NOW)).toEqual(ids(older, oldest));
    expect(oldRuns([now, last, older, oldest], { runs: 1, days: 1 }, NOW, new Set([older.id]))).toEqual(ids(oldest));
    expect(oldRuns([run(500, 'applying'), run(600, 'applying'), last], { runs: 1, days: 1 }, NOW)).toEqual([]);
  });

  it('whatever there is, what is kept are the newest, and at least one that ended', () => {
    const outcomes = fc.constantFrom<Run['outcome']>('applied', 'rolled_back', 'unknown', 'applying');
    const some = fc.uniqueArray(fc.tuple(fc.nat(1000), outcomes), { selector: ([days]) => days, maxLength: 30 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 500 }), (list, count, days) => {
        const runs = list.sort(([a], [b]) => a - b).map(([age, outcome]) => run(age, outcome));
        const old = new Set(oldRuns(runs, { runs: count, days }, NOW));
        const ended = runs.filter(({ outcome }) => outcome !== 'applying');
        const kept = ended.filter(({ id }) => !old.has(id));
        expect(kept).toEqual(ended.slice(0, kept.length));
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(1, ended.length));
        const going = runs.length - ended.length;
        expect(kept.length).toBeLessThanOrEqual(count);
        expect(old.size).toBeGreaterThanOrEqual(ended.length - count - going);
        expect(runs.filter(({ id, outcome }) => outcome === 'applying' && old.has(id))).toEqual([]);
      }),
    );
  });
});

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('R-8 forgetting in %s', (_, shell) => {
  const JOURNAL = 'start started 0 1 -\nend applied 9 2 healthy\n';
  const mine = 'ffffffff-0001-7abc-8def-0123456789ab';
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'forget-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const kept = (): string[] => readdirSync(join(root, '.platform/runs')).filter((id) => id !== mine);
  const underLock = (...ids: string[]) =>
    words(shell, root, [
      ...put('holder', new TextEncoder().encode('{}\n')),
      message('lock', mine, 'project.core', 'module.web'),
      message('forget', ...ids),
    ]);

  it('runs of the module whose lock is held, and of no other', async () => {
    write(root, {
      ...runFiles(runId(1), 'web', JOURNAL, { 'kept/1': 'a', 'go/plan.json': '{}' }),
      ...runFiles(runId(2), 'web', JOURNAL),
      ...runFiles(runId(3), 'web-2', JOURNAL),
      ...runFiles(runId(4), 'api', JOURNAL),
    });
    expect((await underLock(runId(1), runId(3), runId(4), runId(9))).at(-1)?.code).toBe(0);
    expect(kept()).toEqual([runId(2), runId(3), runId(4)]);
    expect(readdirSync(join(root, '.platform/tmp'))).toEqual([]);
  });

  it('never its own, never what is no run, never beyond its folder', async () => {
    write(root, {
      ...runFiles(runId(1), 'web', JOURNAL),
      'state/locks': 'module.web\n',
      'releases/x/locks': 'module.web\n',
    });
    mkdirSync(join(root, '.platform/releases/y'), { recursive: true });
    const link = runId(2);
    symlinkSync(join(root, '.platform/releases/x'), join(root, '.platform/runs', link));
    await underLock(mine, '../state', '../releases/x', link, '', '.', '..', `${runId(1)}/`, `./${runId(1)}`, '*');
    expect(kept().sort()).toEqual([runId(1), link].sort());
    for (const path of ['state/locks', 'releases/x/locks', 'releases/y'])
      expect(existsSync(join(root, '.platform', path))).toBe(true);
  });

  it('X-1 a run that ends before `go` leaves only its journal, and whose it was', async () => {
    const files = () => readdirSync(join(root, '.platform/runs', mine)).sort();
    const take = [...put('holder', new TextEncoder().encode('{}\n')), message('lock', mine, 'module.web')];
    const stage = put('stage/tree/a', new TextEncoder().encode('b'));
    await words(shell, root, [...take, ...stage, message('audit', '"x":1', 'stale', '8', 'PCTL-PLAN-SPENT')]);
    expect(files()).toEqual(['holder', 'journal', 'locks']);
    const [answer] = await words(shell, root, [message('get', `runs/${mine}/journal`)]);
    expect(`${Buffer.from(answer?.out ?? [])}`).toMatch(/^end stale 8 \d+ PCTL-PLAN-SPENT\n$/);
    // One that told nobody its end leaves nothing.
    rmSync(join(root, '.platform/runs', mine), { recursive: true });
    await words(shell, root, [...take, ...stage]);
    expect(readdirSync(join(root, '.platform/runs'))).toEqual([]);
  });

  it('without a lock nothing is forgotten', async () => {
    write(root, runFiles(runId(1), 'web', JOURNAL));
    const [answer] = await words(shell, root, [message('forget', runId(1))]);
    expect(answer?.code).not.toBe(0);
    expect(kept()).toEqual([runId(1)]);
  });
});
