import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Plan, Status } from '../../src/manifest/types.js';
import { parseStatus, releasesToDrop, statusHeads } from '../../src/state/status.js';
import { planFixture, statusFixture } from '../fixtures/plans.js';

const validate = new Ajv2020({ strict: false, allErrors: true }).compile(
  JSON.parse(readFileSync('schemas/status.schema.json', 'utf8')),
);
const run = {
  id: '0193a1c2-0000-7000-8000-000000000001',
  who: 'alice',
  since: '2026-11-24T12:00:00Z',
  approvedBy: ['bob@example.net'],
  pr: null,
  imageId: `sha256:${'b'.repeat(64)}`,
  definitionHash: 'c'.repeat(64),
  policy: { ref: 'main', sha: '9'.repeat(40) },
};

/** What finish.sh `record` appends. */
function asWritten(heads: ReturnType<typeof statusHeads>, outcome: keyof ReturnType<typeof statusHeads>): Status {
  const audit = `,"audit":{"seq":3,"hash":"${'d'.repeat(64)}"}}`;
  if (outcome === 'applying') return JSON.parse(`${heads.applying}${audit}`) as Status;
  const facts = `exited_3","ended_at":"2026-11-24T12:01:00Z"},"container_id":"${'e'.repeat(64)}","container_hash":"${'f'.repeat(64)}"`;
  const at = outcome === 'applied' ? ',"applied_at":"2026-11-24T12:01:00Z"' : '';
  return JSON.parse(`${heads[outcome]}${facts}${at}${audit}`) as Status;
}

describe('R-2 status documents', () => {
  it.each(['applying', 'applied', 'rolled_back', 'rollback_failed', 'not_adopted', 'removed', 'unknown'] as const)(
    '%s follows the schema, first run and later',
    (outcome) => {
      for (const before of [null, statusFixture()]) {
        const document = asWritten(statusHeads(before, planFixture(), run), outcome);
        expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
      }
    },
  );

  it('the intent spends the digest and takes the next serial; nothing that runs is touched', () => {
    const before = statusFixture();
    const document = asWritten(statusHeads(before, planFixture(), run), 'applying');
    expect(document).toMatchObject({
      serial: before.serial + 1,
      outcome: 'applying',
      last_apply_sha: before.last_apply_sha,
      intent: { run_id: run.id, serial: before.serial + 1 },
    });
    expect(document.spent[0]).toBe(planFixture().digest);
  });

  it('after rolled_back every field but the attempt tells what ran before', () => {
    const before = statusFixture();
    const document = asWritten(statusHeads(before, planFixture(), run), 'rolled_back');
    expect(document).toMatchObject({
      outcome: 'rolled_back',
      last_apply_sha: before.last_apply_sha,
      plan_digest: before.plan_digest,
      applied_at: before.applied_at,
      approved_by: before.approved_by,
      files: before.files,
      intent: null,
      attempt: { outcome: 'rolled_back', why: 'exited_3', sha: planFixture().source_sha },
      container_id: 'e'.repeat(64),
    });
  });

  it('applied pushes what ran before onto previous, at most five, newest first', () => {
    let status = statusFixture();
    for (let n = 0; n < 8; n += 1) {
      const plan = planFixture({ digest: String(n).repeat(64), source_sha: String(n).repeat(40) });
      status = asWritten(statusHeads(status, plan, run), 'applied');
    }
    expect(status.previous.map((one) => one.plan_digest[0])).toEqual(['6', '5', '4', '3', '2']);
    expect(status.spent).toHaveLength(8 + statusFixture().spent.length);
  });

  const release = (n: string, members: Partial<Status['previous'][number]> = {}) => ({
    sha: n.repeat(40),
    plan_digest: n.repeat(64),
    applied_at: '2026-11-01T00:00:00Z',
    image_id: null,
    ...members,
  });

  it('B-2 drops the release that falls off the last five', () => {
    const status = statusFixture({ previous: ['1', '2', '3', '4', '5'].map((n) => release(n)) });
    const plan = planFixture({ source_sha: '9'.repeat(40) });
    expect(releasesToDrop(status, plan, run.imageId)).toEqual(['5'.repeat(64)]);
    expect(releasesToDrop(null, plan, run.imageId)).toEqual([]);
  });

  it('B-2 one commit with one image is one release, however often it is applied', () => {
    let status = statusFixture({ previous: [release('1'), release('2')] });
    const sha = 'd'.repeat(40);
    for (const n of ['5', '6', '7', '8', '9', '0']) {
      const plan = planFixture({ digest: n.repeat(64), source_sha: sha });
      const dropped = releasesToDrop(status, plan, run.imageId);
      expect(dropped).toEqual(n === '5' ? [] : [status.plan_digest]);
      status = asWritten(statusHeads(status, plan, run), 'applied');
    }
    expect(status.previous.map((one) => one.plan_digest[0])).toEqual(['c', '1', '2']);
    expect(status.previous[0]?.approved_by).toEqual(statusFixture().approved_by);
  });

  it('B-2 after a rollback the release that runs is kept once, the one that it came from first', () => {
    const before = statusFixture({ previous: [release('1', { image_id: run.imageId }), release('2')] });
    const plan = planFixture({ kind: 'rollback', source_sha: '1'.repeat(40), digest: '7'.repeat(64) });
    expect(asWritten(statusHeads(before, plan, run), 'applied')).toMatchObject({
      kind: 'rollback',
      last_apply_sha: '1'.repeat(40),
      previous: [{ plan_digest: 'c'.repeat(64) }, { plan_digest: '2'.repeat(64) }],
    });
    expect(releasesToDrop(before, plan, run.imageId)).toEqual(['1'.repeat(64)]);
  });

  it('G-1 the policy that judged is recorded, not the one that the plan was made under', () => {
    for (const outcome of ['applied', 'removed'] as const)
      expect(asWritten(statusHeads(null, planFixture(), run), outcome).policy, outcome).toEqual(run.policy);
  });

  it('B-2 a release keeps its place in the order: from when it was first applied, through rollbacks and applies of the same', () => {
    const apply = (status: Status, n: string, imageId: string, kind: Plan['kind'], day: number) => {
      const plan = planFixture({ digest: n.repeat(64), source_sha: 'a'.repeat(40), kind });
      const made = asWritten(statusHeads(status, plan, { ...run, imageId }), 'applied');
      return { ...made, applied_at: `2026-11-2${day}T00:00:00Z` };
    };
    const day = (n: number) => `2026-11-2${n}T00:00:00Z`;
    const one = apply(statusFixture(), '1', 'good', 'apply', 1);
    const two = apply(one, '2', 'bad', 'apply', 2);
    expect([one.since, two.since]).toEqual([undefined, undefined]);
    const back = apply(two, '3', 'good', 'rollback', 3);
    expect(back).toMatchObject({ since: day(1), previous: [{ image_id: 'bad', applied_at: day(2) }, {}] });
    expect(validate(back), JSON.stringify(validate.errors)).toBe(true);
    const again = apply(back, '4', 'good', 'apply', 4);
    expect(again.since, 'started again').toBe(day(1));
    const three = apply(again, '5', 'next', 'apply', 5);
    expect(three.since, 'a new one').toBeUndefined();
    expect(three.previous[0]).toMatchObject({ image_id: 'good', applied_at: day(4), since: day(1) });
    expect(apply(three, '6', 'good', 'rollback', 6).since).toBe(day(1));
    expect(apply(three, '6', 'good', 'apply', 6).since, 'asked for anew').toBeUndefined();
    const removed = asWritten(statusHeads(back, planFixture({ kind: 'remove' }), { ...run, imageId: null }), 'removed');
    expect(removed.since).toBeUndefined();
    expect(removed.previous[0]).toMatchObject({ image_id: 'good', since: day(1) });
    expect(apply(removed, '7', 'bad', 'rollback', 7).since).toBe(day(2));
  });

  it('P-13 removed: nothing runs, what ran is the newest release, and serial and spent go on', () => {
    const before = statusFixture({ previous: [release('1')] });
    const plan = planFixture({ kind: 'remove', files: [] });
    const status = asWritten(statusHeads(before, plan, { ...run, imageId: null }), 'removed');
    expect(status).toMatchObject({
      outcome: 'removed',
      kind: 'remove',
      serial: before.serial + 1,
      last_apply_sha: null,
      plan_digest: null,
      applied_at: null,
      image: null,
      files: [],
      intent: null,
      attempt: { outcome: 'removed' },
      previous: [{ plan_digest: 'c'.repeat(64) }, { plan_digest: '1'.repeat(64) }],
    });
    expect(status.spent[0]).toBe(plan.digest);
    const again = planFixture({ digest: '7'.repeat(64), source_sha: '9'.repeat(40) });
    expect(asWritten(statusHeads(status, again, run), 'applied').previous).toHaveLength(2);
  });

  it('R-5 unknown members survive a rewrite; an unknown major version is refused', () => {
    const before = { ...statusFixture(), from_the_future: { kept: true } } as Status;
    for (const outcome of ['applied', 'rolled_back', 'rollback_failed', 'removed', 'unknown'] as const)
      expect(asWritten(statusHeads(before, planFixture(), run), outcome)).toMatchObject({
        from_the_future: { kept: true },
      });
    const of = (schema_version: unknown) => new TextEncoder().encode(JSON.stringify({ ...before, schema_version }));
    for (const version of ['2.0', '2', '10.1', '0.9', 'v1.0', ' 1.0', '9'.repeat(500)])
      expect(() => parseStatus(of(version), { host: 'h' })).toThrowError(
        expect.objectContaining({ code: 'PCTL-STATUS-VERSION', exit: 3 }),
      );
    for (const version of ['1.0', '1.99', '1'])
      expect(parseStatus(of(version), { host: 'h' }).serial).toBe(before.serial);
    for (const version of ['', null, 2, undefined])
      expect(() => parseStatus(of(version), { host: 'h' })).toThrowError(
        expect.objectContaining({ code: 'PCTL-STATUS-DAMAGED' }),
      );
    expect(() => parseStatus(new TextEncoder().encode('{"half'), { host: 'h' })).toThrowError(
      expect.objectContaining({ code: 'PCTL-STATUS-DAMAGED' }),
    );
  });
});
