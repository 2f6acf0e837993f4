import { describe, expect, it } from 'vitest';
import { type ApprovalFacts, judgeApproval } from '../../src/gate/approval.js';
import { isApprover } from '../../src/gate/approvers.js';
import type { Platform } from '../../src/manifest/model.js';
import { approval, hex, KEYS, makePlan, NOW, platform, SHA, signature } from './facts.js';

const plan = makePlan();
const D = plan.digest;
const judge = (facts: Partial<ApprovalFacts>, config: Partial<Platform['approval']> = {}) =>
  judgeApproval(plan, platform(config), approval(plan, facts), 'under lock');
const rows = (judged: ReturnType<typeof judge>) => judged.approvals.map((row) => row.code ?? 'counts');

describe('G-4: which approvals count', () => {
  it.each<[string, Partial<ApprovalFacts>, Partial<Platform['approval']>, string[], 'approved' | 'not approved']>([
    ['one of somebody else', {}, {}, ['counts'], 'approved'],
    ['none', { signatures: [] }, {}, [], 'not approved'],
    ['a damaged one', { signatures: [signature(null, [D])] }, {}, ['PCTL-APPROVAL-SIGNATURE'], 'not approved'],
    [
      'of somebody not in allowed_signers',
      { signatures: [signature(KEYS.eve, [D])] },
      {},
      ['PCTL-APPROVAL-UNKNOWN'],
      'not approved',
    ],
    ['of the author', { signatures: [signature(KEYS.alice, [D])] }, {}, ['PCTL-APPROVAL-AUTHOR'], 'not approved'],
    [
      'of the author, allowed',
      { signatures: [signature(KEYS.alice, [D])] },
      { allowAuthor: true },
      ['counts'],
      'approved',
    ],
    [
      'of a co-author by another address, in capitals',
      { authors: [{ email: ' BOB@Work.Example', role: 'co-author', sha: SHA }] },
      {},
      ['PCTL-APPROVAL-AUTHOR'],
      'not approved',
    ],
    [
      'for another plan',
      { signatures: [signature(KEYS.bob, [hex('9')])] },
      {},
      ['PCTL-APPROVAL-DIGEST'],
      'not approved',
    ],
    [
      'for several plans, this among them',
      { signatures: [signature(KEYS.bob, [hex('0'), D, hex('f')].sort())] },
      {},
      ['counts'],
      'approved',
    ],
    ['by hand', { signatures: [signature(KEYS.bob, [])] }, {}, ['counts'], 'approved'],
    [
      'one person, two keys, two required',
      { signatures: [signature(KEYS.bob, [D]), signature(KEYS.bob2, [D])] },
      { required: 2 },
      ['counts', 'PCTL-APPROVAL-SAME-PERSON'],
      'not approved',
    ],
    [
      'the same signature twice, two required',
      { signatures: [signature(KEYS.bob, [D]), signature(KEYS.bob, [D])] },
      { required: 2 },
      ['counts', 'PCTL-APPROVAL-SAME-PERSON'],
      'not approved',
    ],
    [
      'two people, two required',
      { signatures: [signature(KEYS.bob, [D]), signature('ssh-ed25519 AAAAcarol', [D])] },
      { required: 2 },
      ['counts', 'counts'],
      'approved',
    ],
    ['not an approver', {}, { approvers: ['carol'] }, ['PCTL-APPROVAL-APPROVER'], 'not approved'],
    ['an approver by local part', {}, { approvers: ['bob'] }, ['counts'], 'approved'],
    ['an approver by his other address', {}, { approvers: ['bob@work.example'] }, ['counts'], 'approved'],
    [
      'a bad one beside a good one',
      { signatures: [signature(KEYS.eve, [D]), signature(KEYS.bob, [D])] },
      {},
      ['PCTL-APPROVAL-UNKNOWN', 'counts'],
      'approved',
    ],
    ['mode forge alone', {}, { modes: ['forge'] }, ['counts'], 'not approved'],
    ['a list with forge', {}, { modes: ['forge', 'signature'] }, ['counts'], 'approved'],
    ['authors that are not known', { authors: null }, {}, ['counts'], 'not approved'],
    ['no allowed_signers', { signers: [] }, {}, ['PCTL-APPROVAL-UNKNOWN'], 'not approved'],
    [
      'a file of allowed_signers with an error',
      { problems: [{ code: 'PCTL-SIGNERS-PATTERN', file: 'f', line: 1, column: 1, message: 'm' }] },
      {},
      [],
      'not approved',
    ],
    [
      'mode self, signed by the author',
      { signatures: [signature(KEYS.alice, [D])] },
      { modes: ['self'] },
      ['counts'],
      'approved',
    ],
    ['mode self, yes on the terminal', { signatures: [], self: 'yes' }, { modes: ['self'] }, [], 'approved'],
    ['mode self, no on the terminal', { signatures: [], self: 'declined' }, { modes: ['self'] }, [], 'not approved'],
    ['mode self, nothing', { signatures: [] }, { modes: ['self'] }, [], 'not approved'],
    ['yes on the terminal in mode signature', { signatures: [], self: 'module id' }, {}, [], 'not approved'],
  ])('%s', (_name, facts, config, wanted, state) => {
    const judged = judge(facts, config);
    expect(rows(judged)).toEqual(wanted);
    expect(judged.state).toBe(state);
    expect(judged.failures.length > 0).toBe(state === 'not approved');
  });

  const bob = approval(plan).signers[1]!;
  const line = (change: object) => ({ signers: [{ ...bob, lines: [{ ...bob.lines[0]!, ...change }] }] });
  it.each([
    [{ namespaces: ['git'] }, 'PCTL-APPROVAL-NAMESPACE'],
    [{ namespaces: ['*', '!platformctl-plan'] }, 'PCTL-APPROVAL-NAMESPACE'],
    [{ namespaces: ['platformctl-*'] }, 'counts'],
    [{ validAfter: NOW + 1 }, 'PCTL-APPROVAL-VALIDITY'],
    [{ validBefore: NOW - 1 }, 'PCTL-APPROVAL-VALIDITY'],
    [{ validAfter: NOW, validBefore: NOW }, 'counts'],
  ])('a line with %j', (change, wanted) => {
    expect(rows(judge(line(change)))).toEqual([wanted]);
  });

  it('self-approved is never just approved, and says who', () => {
    const signed = judge({ signatures: [signature(KEYS.alice, [D])] }, { modes: ['self'] });
    expect(signed).toMatchObject({ selfApproved: true, approvedBy: ['self:alice@example.net'], namesPlan: true });
    expect(judge({ signatures: [], self: 'yes' }, { modes: ['self'] })).toMatchObject({
      selfApproved: true,
      approvedBy: [],
      namesPlan: false,
    });
    expect(judge({})).toMatchObject({ selfApproved: false, approvedBy: ['bob@example.net'], counted: 1, required: 1 });
  });

  it('before the host: authors are left open, mode self waits for its answer', () => {
    const early = (facts: Partial<ApprovalFacts>, config: Partial<Platform['approval']> = {}) =>
      judgeApproval(plan, platform(config), approval(plan, facts), 'without host').state;
    expect(early({ authors: null })).toBe('approved');
    expect(early({ signatures: [], self: 'pending' }, { modes: ['self'] })).toBe('pending');
    expect(early({ signatures: [], self: 'pending' })).toBe('not approved');
    expect(judge({ signatures: [], self: 'pending' }, { modes: ['self'] }).state).toBe('not approved');
  });

  it('X-10 a dry run asks nobody: its answer is left open under the lock too, and only in mode self', () => {
    const dry = (modes: Platform['approval']['modes']) => judge({ signatures: [], self: 'not asked' }, { modes });
    expect(dry(['self'])).toMatchObject({ state: 'pending', failures: [] });
    expect(dry(['signature']).state).toBe('not approved');
  });

  it('a local part that two people share is nobody', () => {
    const [alice, second] = [
      { addresses: ['a@x.net'], lines: [] },
      { addresses: ['a@y.net'], lines: [] },
    ];
    expect(isApprover(alice, ['a'], [alice, second])).toBe(false);
    expect(isApprover(alice, ['A@X.net'], [alice, second])).toBe(true);
    expect(isApprover(alice, [], [alice])).toBe(false);
  });

  it('names every approval, what is missing, and what to do (outputs.md)', () => {
    const judged = judge({ signatures: [signature(KEYS.bob, [hex('9')]), signature(KEYS.alice, [D])] });
    expect(
      judged.failures
        .map((failure) => `${failure.code}  ${failure.why.replaceAll(D.slice(0, 12), '<digest>')}\n  ${failure.hint}`)
        .join('\n'),
    ).toMatchInlineSnapshot(`
      "PCTL-APPROVAL-DIGEST  bob's signature is for plan 999999999999; this plan is <digest>
        platformctl explain-approval web shows every one
      PCTL-APPROVAL-AUTHOR  alice's signature does not count: alice wrote 4e1f0c2
        platformctl explain-approval web shows every one
      PCTL-APPROVAL-MISSING  needs 1 approval by bob@example.net or carol@example.net; has 0
        bob or carol: platformctl approve web"
    `);
  });
});
