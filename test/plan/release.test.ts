/** Which release a rollback goes back to, and what differs there (B-2, G-8). */
import { describe, expect, it } from 'vitest';
import type { Plan, Status } from '../../src/manifest/types.js';
import { planBytes } from '../../src/plan/artifact.js';
import { judgeInterrupted } from '../../src/plan/interrupted.js';
import { identitiesNow, identityOf } from '../../src/plan/make.js';
import { chooseRelease, hostFilesSince, keptPlan, ranBefore, volumesDiffer } from '../../src/plan/release.js';
import { containerFixture, observationFixture, planFixture, statusFixture } from '../fixtures/plans.js';

const sha = (letter: string): string => letter.repeat(40);
const release = (letter: string, image = letter): Status['previous'][number] => ({
  sha: sha(letter),
  plan_digest: letter.repeat(64),
  applied_at: '2026-11-01T00:00:00Z',
  image_id: `sha256:${image.repeat(64)}`,
});

describe('B-2 the release before', () => {
  const status = statusFixture({ previous: [release('3'), release('2'), release('1')] });
  it('is the newest that lies before what runs: never the one that a rollback came from', () => {
    expect(chooseRelease(status, null, new Set(status.previous.slice(1)))).toMatchObject({ sha: sha('2') });
    expect(chooseRelease(status, null, new Set())).toBe('unknown');
  });
  it('is the newest of all where nothing runs', () => {
    expect(chooseRelease({ ...status, plan_digest: null }, null, new Set())).toMatchObject({ sha: sha('3') });
  });
  it('is the one that was named, by the beginning of its commit', () => {
    expect(chooseRelease(status, '1111', new Set())).toMatchObject({ sha: sha('1') });
    expect(chooseRelease(status, '4444', new Set())).toBe('unknown');
    const alike = { ...status, previous: [release('1'), { ...release('2'), sha: `11${'2'.repeat(38)}` }] };
    expect(chooseRelease(alike, '11', new Set())).toBe('ambiguous');
  });
});

describe('B-2 releases of one commit', () => {
  const at = (day: number) => `2026-11-0${day}T00:00:00Z`;
  const runs = (applied_at: string | null, since?: string) =>
    statusFixture({ applied_at, ...(since ? { since } : {}) });
  it('ran before where they were applied before, whatever a rollback made of the time of what runs', () => {
    const one = release('1');
    expect(ranBefore({ ...one, applied_at: at(1) }, runs(at(2)))).toBe(true);
    expect(ranBefore({ ...one, applied_at: at(2) }, runs(at(3), at(1)))).toBe(false);
    expect(ranBefore({ ...one, applied_at: at(4), since: at(1) }, runs(at(5), at(3)))).toBe(true);
    expect(ranBefore({ ...one, applied_at: at(2) }, runs(null))).toBe(false);
  });
});

describe('the plan of a release', () => {
  const plan = planFixture();
  it('counts only as the one of its digest, whole', () => {
    expect(keptPlan(planBytes(plan), plan.digest)).toEqual(plan);
    expect(keptPlan(planBytes(plan), 'f'.repeat(64))).toBeNull();
    expect(keptPlan(planBytes({ ...plan, destructive: ['x'] }), plan.digest)).toBeNull();
    for (const text of ['', '{}', 'null', '[]'])
      expect(keptPlan(new TextEncoder().encode(text), plan.digest), text).toBeNull();
  });
});

describe('G-8 volumes that differ', () => {
  const mounts = (...volumes: Record<string, unknown>[]) => ({
    remote_root: '/opt/platform',
    files: planFixture().files,
    resolved: { service: { volumes } } as Plan['resolved'],
  });
  const data = { type: 'volume', source: 'data', target: '/data' };
  it.each([
    ['the same', mounts(data), mounts(data), []],
    ['another volume', mounts(data), mounts({ ...data, source: 'new' }), ['without new at /data; with data at /data']],
    ['another place', mounts(data), mounts({ ...data, target: '/d' }), ['without data at /d; with data at /data']],
    [
      'a data folder',
      mounts(),
      mounts({ type: 'bind', source: '/opt/platform/core/lib', target: '/d' }),
      ['without core/lib at /d'],
    ],
    ['an anonymous one', mounts({ type: 'volume', target: '/d' }), mounts(), ['with anonymous at /d']],
    [
      'a file that a plan delivers',
      mounts(),
      mounts({ type: 'bind', source: '/opt/platform/core/app.env', target: '/e' }),
      [],
    ],
    ['a folder of such files', mounts(), mounts({ type: 'bind', source: '/opt/platform/core', target: '/e' }), []],
    ['memory', mounts(), mounts({ type: 'tmpfs', target: '/run' }), []],
    ['only the access', mounts(data), mounts({ ...data, read_only: true }), []],
  ])('%s', (_name, old, running, differs) => {
    expect(volumesDiffer(old, running)).toEqual(differs.map((one) => `the volumes of the release differ: ${one}`));
  });
  it('what is not known, or no plan at all, is not the same', () => {
    expect(volumesDiffer(mounts(data), null)).toEqual(['the volumes of what runs are not known']);
    const hostile = { ...mounts(), resolved: { service: { volumes: [null, 1, 'x'] } } as unknown as Plan['resolved'] };
    expect(volumesDiffer(mounts(), hostile)).toEqual([]);
  });
});

it('M-8 host files that are not what the release ran with are named', () => {
  const host = {
    ...planFixture().files[0],
    path: 'core/.env',
    source: 'host',
    sha256: null,
    keyed: '1'.repeat(64),
  } as Plan['files'][number];
  const plan = planFixture({ files: [host] });
  const seen = (digest: string | null) =>
    new Map([['core/.env', { kind: 'file' as const, mode: '0600', uid: 1000, digest, keyed: null }]]);
  expect(hostFilesSince(plan, seen('1'.repeat(64)))).toEqual([]);
  expect(hostFilesSince(plan, seen('2'.repeat(64)))).toEqual(['.env']);
  expect(hostFilesSince(plan, new Map())).toEqual(['.env']);
});

describe('R-3 a removal that never recorded its end', () => {
  const plan = planFixture({
    kind: 'remove',
    files: [],
    changes: [
      { target: 'compose.service.web', action: 'remove', reasons: [] },
      { target: 'file.core/app.env', action: 'remove', reasons: [] },
      { target: 'file.core/compose.yaml', action: 'none', reasons: [] },
    ],
  });
  const intent = { run_id: 'r', sha: sha('1'), plan_digest: plan.digest, serial: 5, since: '2026-11-20T12:00:00Z' };
  const seen = observationFixture({ status: statusFixture({ intent }) });
  const without = (path: string) => new Map([...seen.files].filter(([one]) => one !== path));
  const judged = (members: Partial<typeof seen>) => judgeInterrupted({ ...seen, ...members }, plan)?.outcome;
  it('is removed where container and files are gone, rolled back where both are there, else unknown', () => {
    expect(judged({ containers: [], files: without('core/app.env') })).toBe('removed');
    expect(judged({ containers: [] })).toBe('unknown');
    expect(judged({ files: without('core/app.env') })).toBe('unknown');
    const asBefore = new Map([
      ...seen.files,
      ['core/app.env', { kind: 'file' as const, mode: '0644', uid: 1000, digest: '0'.repeat(64), keyed: null }],
    ]);
    expect(judged({ files: asBefore })).toBe('rolled_back');
  });
  it('M-8 what was there and is of no commit is told by its keyed digest', () => {
    const mine = (keyed: string) =>
      new Map([
        ...seen.files,
        ['core/app.env', { kind: 'file' as const, mode: '0644', uid: 1000, digest: 'e'.repeat(64), keyed }],
      ]);
    expect(judged({ files: mine('0'.repeat(64)) })).toBe('rolled_back');
    expect(judged({ files: mine('f'.repeat(64)) })).toBe('unknown');
  });
});

describe('R-3 a run that put back what was there before', () => {
  const plan = planFixture({ recreates: true });
  const intent = { run_id: 'r', sha: sha('1'), plan_digest: plan.digest, serial: 5, since: '2026-11-20T12:00:00Z' };
  // As after a change of a host file's content alone: no file was swapped, and what was put back is a new container of the same image.
  const seen = observationFixture({
    status: statusFixture({ intent }),
    containers: [containerFixture({ id: 'f'.repeat(64) })],
  });
  const judged = (back: boolean, rolledBack: boolean) => judgeInterrupted(seen, plan, { back, rolledBack })?.outcome;
  it('is never taken for applied, though everything looks like it', () => {
    expect(judged(false, false)).toBe('applied');
    expect(judged(true, false)).toBe('unknown');
    expect(judged(true, true)).toBe('rolled_back');
  });
});

describe('G-9, M-8 a file as the plan saw it', () => {
  const [plain, keyed] = ['1'.repeat(64), '2'.repeat(64)];
  const files = new Map([
    ['a', { kind: 'file' as const, mode: '0644', uid: 1000, digest: plain, keyed }],
    ['host', { kind: 'file' as const, mode: '0600', uid: 1000, digest: keyed, keyed: null }],
    ['closed', { kind: 'unreadable' as const, mode: '0600', uid: 0, digest: null, keyed: null }],
  ]);
  const digest = (path: string, wanted: string | null = null, brought: string[] = []) =>
    identityOf(path, { files, delivered: new Map([[path, new Set(brought)]]) }, wanted).digest;
  it('by its SHA-256 only where its bytes are of a commit: this one, or one that platformctl delivered', () => {
    expect(digest('a', plain)).toBe(plain);
    expect(digest('a', '3'.repeat(64), [plain])).toBe(plain);
    expect(digest('a', '3'.repeat(64), ['3'.repeat(64)])).toBe(keyed);
    expect(digest('a')).toBe(keyed);
  });
  it('a host file by its keyed one, and what cannot be read by none', () => {
    expect(digest('host')).toBe(keyed);
    expect(identityOf('closed', { files, delivered: new Map() }, null)).toMatchObject({ kind: 'other', digest: null });
    expect(identityOf('gone', { files, delivered: new Map() }, null)).toMatchObject({ kind: 'absent', mode: null });
  });
  it('unchanged is unchanged, also where it has become known, or is no more known, whose bytes they are', () => {
    const identity = (path: string, wanted: string | null) => identityOf(path, { files, delivered: new Map() }, wanted);
    const digests = (planned: ReturnType<typeof identity>, now: ReturnType<typeof identity>[]) =>
      identitiesNow([planned], now, { files, delivered: new Map() }).map((file) => file.digest);
    expect(digests(identity('a', plain), [identity('a', null)])).toEqual([plain]);
    expect(digests(identity('a', null), [identity('a', plain)])).toEqual([keyed]);
    expect(digests({ ...identity('a', null), digest: '9'.repeat(64) }, [identity('a', null)])).toEqual([keyed]);
    expect(digests(identity('gone', null), [])).toEqual([null]);
  });
});
