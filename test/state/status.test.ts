import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../src/manifest/types.js';
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
  it.each(['applying', 'applied', 'rolled_back', 'rollback_failed', 'not_adopted'] as const)(
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
      const plan = planFixture({ digest: String(n).repeat(64) });
      status = asWritten(statusHeads(status, plan, run), 'applied');
    }
    expect(status.previous.map((one) => one.plan_digest[0])).toEqual(['6', '5', '4', '3', '2']);
    expect(status.spent).toHaveLength(8 + statusFixture().spent.length);
  });

  it('drops the release that falls off the last five', () => {
    const status = statusFixture({
      previous: ['1', '2', '3', '4', '5'].map((n) => ({
        sha: 'a'.repeat(40),
        plan_digest: n.repeat(64),
        applied_at: '2026-11-01T00:00:00Z',
        image_id: null,
      })),
    });
    expect(releasesToDrop(status, planFixture())).toEqual(['5'.repeat(64)]);
    expect(releasesToDrop(null, planFixture())).toEqual([]);
  });

  it('R-5 unknown members survive a rewrite; an unknown major version is refused', () => {
    const before = { ...statusFixture(), from_the_future: { kept: true } } as Status;
    expect(asWritten(statusHeads(before, planFixture(), run), 'applied')).toMatchObject({
      from_the_future: { kept: true },
    });
    const bytes = new TextEncoder().encode(JSON.stringify({ ...before, schema_version: '2.0' }));
    expect(() => parseStatus(bytes, { host: 'h' })).toThrowError(
      expect.objectContaining({ code: 'PCTL-STATUS-VERSION', exit: 3 }),
    );
    expect(() => parseStatus(new TextEncoder().encode('{"half'), { host: 'h' })).toThrowError(
      expect.objectContaining({ code: 'PCTL-STATUS-DAMAGED' }),
    );
  });
});
