import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message } from '../../src/execute/protocol.js';
import { byTime, readOutputs, readRuns } from '../../src/record/runs.js';
import { SHELLS, words, write } from '../host/words.js';
import { runFiles, runId, SHA } from './samples.js';

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runs-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const APPLIED = 'start started 0 100 -\nfiles ended 0 101 2\nend applied 9 130 healthy\n';

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('R-8 runs as %s tells them', (_, shell) => {
  const list = async (limit: number, module = '*', prefix = '', going: string[] = []) => {
    const [answer] = await words(shell, root, [message('runs', String(limit), module, prefix)]);
    expect(answer?.code).toBe(0);
    return readRuns(text(answer?.out), 'box', new Set(going));
  };

  it('newest first, each with what became of it', async () => {
    write(root, {
      ...runFiles(runId(1), 'web', APPLIED),
      ...runFiles(runId(2), 'api', 'start started 0 200 -\nend rolled_back 11 212 exited_3\n'),
      ...runFiles(runId(3), 'web', 'start started 0 300 -\nup started 0 301 -\n'),
      ...runFiles(runId(4), 'web', 'start started 0 400 -\n'),
      ...runFiles(runId(5), 'web', null),
      ...runFiles(runId(6), 'web', null, { journal: 'end stale 8 400 PCTL-PLAN-SPENT\n' }),
    });
    const [early, ...runs] = await list(10, '*', '', [runId(4)]);
    expect(early).toMatchObject({ id: runId(6), outcome: 'stale', why: 'PCTL-PLAN-SPENT', kind: null, seconds: null });
    expect(runs.map(({ id }) => id)).toEqual([5, 4, 3, 2, 1].map(runId));
    expect(runs.map(({ outcome }) => outcome)).toEqual([
      'interrupted',
      'applying',
      'unknown',
      'rolled_back',
      'applied',
    ]);
    expect(runs[4]).toEqual({
      id: runId(1),
      host: 'box',
      module: 'web',
      kind: 'apply',
      who: 'alice@laptop',
      startedAt: '2026-11-24T12:04:01Z',
      sourceSha: SHA,
      digest: 'a'.repeat(64),
      ciUrl: null,
      outcome: 'applied',
      why: 'healthy',
      seconds: 30,
    });
    expect(runs[3]).toMatchObject({ module: 'api', why: 'exited_3', seconds: 12 });
    expect(runs[0]).toMatchObject({ module: 'web', kind: null, why: null, seconds: null });
  });

  it('of one module, by the beginning of an id, so many', async () => {
    write(root, {
      ...runFiles(runId(1), 'web', APPLIED),
      ...runFiles(runId(2), 'web-2', APPLIED),
      ...runFiles(runId(0x1003), 'web', APPLIED),
    });
    expect((await list(10, 'web')).map(({ id }) => id)).toEqual([runId(0x1003), runId(1)]);
    expect((await list(1)).map(({ id }) => id)).toEqual([runId(0x1003)]);
    expect((await list(10, '*', '0193a1c2-0')).map(({ id }) => id)).toEqual([runId(2), runId(1)]);
    expect(await list(10, '*', 'ffff')).toEqual([]);
    expect((await list(10, 'web-2 nobody web')).map(({ id }) => id)).toEqual([runId(0x1003), runId(2), runId(1)]);
    expect(await list(10, 'nobody')).toEqual([]);
    expect(await list(10, '-')).toEqual([]);
  });

  it('O-5 what is no run, and what a run says that it cannot say, is nothing', async () => {
    write(root, {
      ...runFiles(runId(1), 'web', 'start started 0 1 -\nend applied 9 2 $(id)`\x1b[2J\n', {
        holder: '{"who":"a\\nb","since":"yesterday","source_sha":"../x","ci_url":"javascript:1"}\n',
        locks: 'module.we b\n',
        'go/audit.applied': '"event":"destroy","digest":1',
      }),
      'runs/$(id)/holder': '{}\n',
      'runs/0193a1c2/locks': 'module.web\n',
      'runs/file': '',
    });
    const [run, ...more] = await list(10);
    expect(more).toEqual([]);
    expect(run).toMatchObject({ who: null, startedAt: null, sourceSha: null, ciUrl: null, kind: null, digest: null });
    expect(run).toMatchObject({ outcome: 'applied', why: '$(id)`\x1b[2J' });
  });

  it('no run at all', async () => {
    expect(await list(10)).toEqual([]);
  });

  it('logs: every output that says something, raw, the end of a long one', async () => {
    const bytes = Buffer.from([0, 255, 10, 27, 91, 50, 74, 10]);
    write(
      root,
      runFiles(runId(1), 'web', APPLIED, {
        'up.err': 'a\nb',
        'up.out': '',
        'container.log': `${'x'.repeat(92)}abc\ndef\n`,
      }),
    );
    writeFileSync(join(root, '.platform/runs', runId(1), 'back.out'), bytes);
    const [answer, none, out] = await words(shell, root, [
      message('logs', runId(1), '10'),
      message('logs', runId(2), '10'),
      message('logs', '../state', '10'),
    ]);
    const outputs = readOutputs(answer?.out ?? new Uint8Array());
    expect(outputs?.map(({ name, size }) => [name, size])).toEqual([
      ['up.err', 3],
      ['container.log', 100],
      ['back.out', 8],
    ]);
    expect(outputs?.map((one) => Buffer.from(one.bytes))).toEqual([Buffer.from('a\nb'), Buffer.from('def\n'), bytes]);
    expect([none?.code, none?.out.length]).toEqual([0, 0]);
    expect(out?.code).not.toBe(0);
  });
});

it('500 runs of a host are all told', async () => {
  const [shell] = SHELLS as [string[]];
  for (let n = 0; n < 500; n += 1) write(root, runFiles(runId(n), 'web', APPLIED));
  const [answer] = await words(shell, root, [message('runs', '1000', '*', '')]);
  expect(readRuns(text(answer?.out), 'box', new Set())).toHaveLength(500);
});

describe('answers of another form', () => {
  it('outputs: none of them, rather than a part', () => {
    const read = (answer: string) => readOutputs(Buffer.from(answer));
    expect(read('')).toEqual([]);
    for (const bad of [
      'up.out 3 3\nab',
      'up.out 3\nabc',
      '../x.out 1 1\na',
      'up.out 1 1\nab',
      'up.out 1 99999999999\na',
    ])
      expect(read(bad)).toBeNull();
  });

  it('runs of several hosts are one list', () => {
    const answer = (...ns: number[]): string =>
      ns.map((n) => `${runId(n)} web\nstart started 0 1 -\n-\n-\n-\n`).join('');
    const runs = [...readRuns(answer(9, 2), 'a', new Set()), ...readRuns(answer(5), 'b', new Set())];
    expect(byTime(runs).map(({ host }) => host)).toEqual(['a', 'b', 'a']);
    expect(readRuns('garbage\n', 'a', new Set())).toEqual([]);
    expect(readRuns(`${runId(1)} web\nstart`, 'a', new Set())).toEqual([]);
  });
});
