/** G-9: a plan that was used before is told as what became of it. */
import { expect, it } from 'vitest';
import { freshnessGate } from '../../src/gate/freshness.js';
import { spentWords } from '../../src/gate/spent.js';
import type { Status } from '../../src/manifest/types.js';
import { statusFixture } from '../fixtures/plans.js';
import { makeFacts, makePlan } from './facts.js';

const plan = makePlan();
const other = 'f'.repeat(64);
const RUN = '0193a1c2-7e02-7abc-8def-0123456789ab';
const attempt = (outcome: string, digest = plan.digest): Status['attempt'] => ({
  run_id: RUN,
  sha: plan.source_sha,
  plan_digest: digest,
  outcome,
  why: 'exited_3',
  ended_at: '2026-11-24T12:01:00Z',
});
const intent = {
  run_id: RUN,
  sha: plan.source_sha,
  plan_digest: plan.digest,
  serial: 14,
  since: '2026-11-24T12:00:00Z',
};
const release = { ...statusFixture().previous[0], plan_digest: plan.digest } as Status['previous'][number];

it.each<[string, Partial<Status>, string]>([
  ['applied last', { attempt: attempt('applied') }, 'was applied before, by run 0193a1c2-7e02'],
  ['rolled back', { attempt: attempt('rolled_back') }, 'was tried before and rolled back, by run 0193a1c2-7e02'],
  [
    'not even rolled back',
    { attempt: attempt('rollback_failed') },
    'was tried before and could not be rolled back, by run 0193a1c2-7e02',
  ],
  [
    'an adoption that failed',
    { attempt: attempt('remote_failed') },
    'was tried before and failed, by run 0193a1c2-7e02',
  ],
  ['unknown', { attempt: attempt('unknown') }, 'was tried before with an unknown outcome, by run 0193a1c2-7e02'],
  ['an outcome of a later version', { attempt: attempt('paused') }, 'was tried before, by run 0193a1c2-7e02'],
  ['a removal', { attempt: attempt('removed') }, 'was carried out before, by run 0193a1c2-7e02'],
  ['never ended', { intent }, 'was begun before, and has no recorded end, by run 0193a1c2-7e02'],
  [
    'runs, and another was tried since',
    { attempt: attempt('rolled_back', other), plan_digest: plan.digest, run_id: RUN },
    'was applied before, by run 0193a1c2-7e02',
  ],
  ['a kept release', { previous: [release] }, 'was applied before'],
  ['nothing more is known', {}, 'was used before'],
])('%s', (_, change, words) => {
  const status = {
    ...statusFixture(),
    intent: null,
    attempt: null,
    previous: [],
    spent: [other, plan.digest],
    ...change,
  };
  expect(spentWords(plan, status)).toBe(`plan ${plan.digest.slice(0, 12)} ${words}`);
  const { failures } = freshnessGate({ ...makeFacts(plan), status });
  expect(failures[0]).toMatchObject({ code: 'PCTL-PLAN-SPENT', exitCode: 8, why: spentWords(plan, status) });
});

it('not spent', () => {
  expect(spentWords(plan, { ...statusFixture(), spent: [other] })).toBe(null);
  expect(spentWords(plan, null)).toBe(null);
  expect(spentWords(plan, undefined)).toBe(null);
});
