import { describe, expect, it } from 'vitest';
import type { ExitCode } from '../../src/exits.js';
import { hintFor } from '../../src/flows/apply-hint.js';
import { evaluate } from '../../src/gate/evaluate.js';
import { changesAnything, type GateFacts } from '../../src/gate/facts.js';
import { parsePhase } from '../../src/gate/phase.js';
import { equalTokens } from '../../src/gate/provenance.js';
import { type GateVerdict, gatesExit } from '../../src/gate/verdict.js';
import type { Plan } from '../../src/manifest/types.js';
import { approval, hex, host, makeFacts, makePlan, module, OLD, platform, SHA, unchanged } from './facts.js';

const failed = (verdicts: readonly GateVerdict[]) =>
  verdicts.flatMap((one) => one.failures.map((failure) => `${one.gate} ${failure.code} ${failure.exitCode}`));
const judge = (facts: GateFacts) => failed(evaluate(facts));
const provenance = (change: Partial<GateFacts['provenance']>) => ({
  provenance: { ...makeFacts().provenance, ...change },
});
const identity = (change: Partial<NonNullable<GateFacts['identity']>>) => ({
  identity: { ...makeFacts().identity!, ...change },
});
const seen = makePlan().observed!.identity.files[0]!;
const denial = {
  rule: 'bind_outside',
  value: '/data/x',
  where: { file: 'core/compose.yaml', line: 7 },
  why: '/data/x lies outside',
  exceptionPossible: true,
};

describe('all gates', () => {
  it('pass under the lock when everything holds, in the order G-1 to G-9', () => {
    const verdicts = evaluate(makeFacts());
    expect(verdicts.map((one) => `${one.gate} ${one.name} ${one.state}`)).toEqual([
      'G-1 policy pass',
      'G-2 phase pass',
      'G-3 provenance pass',
      'G-4 approval pass',
      'G-5 sacred paths pass',
      'G-6 hosts pass',
      'G-7 compose policy pass',
      'G-8 destructive pass',
      'G-9 freshness pass',
    ]);
    expect(gatesExit(verdicts)).toBe(0);
  });

  const early: Partial<GateFacts> = {
    stage: 'without host',
    paths: null,
    connection: null,
    identity: null,
    status: undefined,
    ...provenance({ lastApplied: null }),
  };
  const withoutHost = (change: Partial<GateFacts> = {}) => {
    const facts = makeFacts();
    return {
      ...facts,
      ...early,
      compose: { ...facts.compose, resolved: null },
      approval: approval(facts.plan, { authors: null }),
      ...change,
    };
  };

  it('without a host only freshness is not reached', () => {
    expect(
      evaluate(withoutHost())
        .filter((one) => one.state !== 'pass')
        .map((one) => `${one.gate} ${one.state}`),
    ).toEqual(['G-9 not reached']);
  });

  it('what is not known under the lock is a failure, of every gate that needs the host', () => {
    const codes = judge(withoutHost({ stage: 'under lock' })).map((line) => line.slice(0, 3));
    expect([...new Set(codes)]).toEqual(['G-3', 'G-4', 'G-5', 'G-6', 'G-7', 'G-9']);
  });

  it('all failures are reported together; the first failing class of 3, 4, 5, 6, 8 decides', () => {
    const plan = makePlan({ source_dirty: true, host: 'other', destructive: ['volumes differ'] });
    const facts = {
      ...makeFacts(plan),
      approval: approval(plan, { signatures: [] }),
      policy: { ref: 'main', sha: OLD, digest: hex('f') },
    };
    const verdicts = evaluate(facts);
    expect(failed(verdicts)).toEqual([
      'G-1 PCTL-POLICY-MOVED 8',
      'G-3 PCTL-PLAN-DIRTY 3',
      'G-3 PCTL-PLAN-TARGET 4',
      'G-4 PCTL-APPROVAL-MISSING 5',
      'G-6 PCTL-GATE-HOST 4',
      'G-8 PCTL-DESTRUCTIVE 6',
    ]);
    expect(gatesExit(verdicts)).toBe(3);
    for (const failure of verdicts.flatMap((one) => one.failures)) expect(failure.why).not.toBe('');
  });

  it.each<[readonly ExitCode[], ExitCode]>([
    [[8, 6, 5, 4, 3], 3],
    [[8, 6, 5, 4], 4],
    [[8, 6, 5], 5],
    [[8, 6], 6],
    [[8], 8],
    [[], 0],
    [[7], 7],
  ])('exits %j make %i', (codes, exit) => {
    const failures = codes.map((exitCode) => ({ code: 'X', check: null, why: '', hint: null, exitCode }));
    expect(gatesExit([{ gate: 'G-1', name: 'x', state: 'fail', failures }])).toBe(exit);
  });

  it('X-4: a plan without changes needs neither approval nor phase; a lie about it in exitCode does not help', () => {
    const plan = unchanged();
    expect(
      judge({
        ...makeFacts(plan),
        approval: approval(plan, { signatures: [] }),
        phase: { value: undefined, needed: 5, asked: true },
      }),
    ).toEqual([]);
    for (const lie of [
      { exitCode: 0 as const },
      { exitCode: 0 as const, recreates: false },
      { exitCode: 0 as const, changes: [] },
    ]) {
      const lying = makePlan(lie);
      expect(changesAnything(lying)).toBe(true);
      expect(judge({ ...makeFacts(lying), approval: approval(lying, { signatures: [] }) })).toContain(
        'G-4 PCTL-APPROVAL-MISSING 5',
      );
    }
  });
});

describe('G-2: phase', () => {
  it.each([
    [undefined, null, false, false],
    ['', null, false, false],
    ['4', 4, false, false],
    ['abc', null, false, false],
    ['05', 5, true, false],
    ['5', 5, true, false],
    ['06', 6, true, true],
    ['6', 6, true, true],
    ['10', 10, true, true],
    ['005', 5, true, false],
    [' 5', null, false, false],
    ['5\n', null, false, false],
    ['0x6', null, false, false],
    ['6.0', null, false, false],
    ['-6', null, false, false],
    ['٦', null, false, false],
    ['9'.repeat(400), null, false, false],
  ])('%j is %j; lets one plan through: %j, several: %j', (value, number, one, several) => {
    expect(parsePhase(value)).toBe(number);
    const passes = (needed: 5 | 6) => judge(makeFacts(makePlan(), { phase: { value, needed, asked: true } }));
    expect(passes(5)).toEqual(one ? [] : ['G-2 PCTL-GATE-PHASE 4']);
    expect(passes(6)).toEqual(several ? [] : ['G-2 PCTL-GATE-PHASE 4']);
  });

  it('names the line to set; a dry run asks for none', () => {
    const phase = { value: '4', needed: 5 as const, asked: true };
    expect(evaluate(makeFacts(makePlan(), { phase }))[1]?.failures[0]).toMatchObject({
      hint: 'export PLATFORMCTL_PHASE=05',
    });
    expect(evaluate(makeFacts(makePlan(), { phase: { ...phase, asked: false } }))[1]?.state).toBe('not reached');
  });
});

type Case = [string, Partial<GateFacts> | ((plan: Plan) => Partial<GateFacts>), Partial<Plan>, string[]];

describe.each<Case>([
  [
    'G-1: another policy digest',
    { policy: { ref: 'main', sha: SHA, digest: hex('f') } },
    {},
    ['G-1 PCTL-POLICY-MOVED 8'],
  ],
  [
    'G-1: a ref that is not protected_ref',
    { policy: { ref: 'dev', sha: OLD, digest: hex('2') } },
    {},
    ['G-1 PCTL-POLICY-REF 4'],
  ],
  ['G-1: a SHA is not asked for its branch', { policy: { ref: OLD, sha: OLD, digest: hex('2') } }, {}, []],
  ['G-3: the approved SHA', provenance({ approvedSha: SHA }), {}, []],
  ['G-3: another approved SHA', provenance({ approvedSha: OLD }), {}, ['G-3 PCTL-APPROVED-SHA 5']],
  ['G-3: a short one', provenance({ approvedSha: SHA.slice(0, 12) }), {}, ['G-3 PCTL-APPROVED-SHA 5']],
  ['G-3: one in capitals', provenance({ approvedSha: SHA.toUpperCase() }), {}, ['G-3 PCTL-APPROVED-SHA 5']],
  ['X: a pull request that nobody vouches for', provenance({ approvedPr: 7 }), {}, ['G-3 PCTL-APPROVED-PR 5']],
  ['G-3: outside the policy ref', provenance({ inPolicyHistory: false }), {}, ['G-3 PCTL-COMMIT-NOT-PROTECTED 5']],
  [
    'G-3: no such commit',
    provenance({ commitPresent: false, module: null, files: null, manifestDigest: null }),
    {},
    ['G-3 PCTL-COMMIT-MISSING 5'],
  ],
  ['G-3: a dirty plan', {}, { source_dirty: true }, ['G-3 PCTL-PLAN-DIRTY 3']],
  ['G-3: an offline plan', {}, { offline: true }, ['G-3 PCTL-PLAN-OFFLINE 3']],
  ['G-3: another manifest', provenance({ manifestDigest: hex('9') }), {}, ['G-3 PCTL-PLAN-CONTENT 5']],
  ['G-3: a file that the commit does not give', provenance({ files: [] }), {}, ['G-3 PCTL-PLAN-CONTENT 5']],
  [
    'G-3: a file that the plan leaves out',
    provenance({ files: [makePlan().files[0]!] }),
    { files: [] },
    ['G-3 PCTL-PLAN-CONTENT 5'],
  ],
  [
    'G-3: another mode',
    provenance({ files: [{ ...makePlan().files[0]!, mode: '0755' }] }),
    {},
    ['G-3 PCTL-PLAN-CONTENT 5'],
  ],
  [
    'G-3: an older commit',
    provenance({ lastApplied: { sha: OLD, relation: 'ancestor' } }),
    {},
    ['G-3 PCTL-COMMIT-OLDER 8'],
  ],
  ['G-3: the same commit again', provenance({ lastApplied: { sha: SHA, relation: 'same' } }), {}, []],
  [
    'G-3: a rollback goes back',
    provenance({ lastApplied: { sha: OLD, relation: 'ancestor' } }),
    { kind: 'rollback' },
    [],
  ],
  [
    '7-cli: a plan for another host than the manifest says',
    { platform: { ...platform(), hosts: new Map([['nas', { ...host, name: 'nas' }]]) } },
    { host: 'nas' },
    ['G-3 PCTL-PLAN-TARGET 4'],
  ],
  ["X-3: another module's service", {}, { service: 'db' }, ['G-3 PCTL-PLAN-TARGET 4', 'G-3 PCTL-PLAN-FOREIGN 4']],
  [
    'X-3: a change of a foreign target',
    {},
    { changes: [{ target: 'compose.service.db', action: 'update', reasons: [] }] },
    ['G-3 PCTL-PLAN-FOREIGN 4'],
  ],
  ['7-cli: another project', { remade: makePlan() }, { project: 'elsewhere' }, ['G-3 PCTL-PLAN-TARGET 4']],
  ['7-cli: another compose file', {}, { compose_file: 'core/other.yaml' }, ['G-3 PCTL-PLAN-TARGET 4']],
  ['X-3: a module that the commit does not declare', provenance({ module: null }), {}, ['G-3 PCTL-PLAN-TARGET 4']],
  [
    'G-5: remote_root under /etc',
    {
      platform: { ...platform(), hosts: new Map([['rs2000', { ...host, remoteRoot: '/etc/x' }]]) },
      paths: { realRoot: '/opt/x', engineRoot: '/d', outside: [] },
    },
    { remote_root: '/etc/x' },
    ['G-5 PCTL-GATE-SACRED 4', 'G-5 PCTL-GATE-SACRED 4', 'G-5 PCTL-GATE-SACRED 4'],
  ],
  [
    'G-5: remote_root leads to a sacred place',
    { paths: { realRoot: '/usr/x', engineRoot: '/d', outside: [] } },
    {},
    ['G-5 PCTL-GATE-SACRED 4'],
  ],
  [
    "G-5: the engine's root lies beneath remote_root",
    { paths: { realRoot: '/opt/platform', engineRoot: '/opt/platform/docker', outside: [] } },
    {},
    ['G-5 PCTL-GATE-SACRED 4', 'G-5 PCTL-GATE-SACRED 4'],
  ],
  [
    'G-5: a link out of remote_root',
    { paths: { realRoot: '/opt/platform', engineRoot: '/d', outside: ['core/compose.yaml'] } },
    {},
    ['G-5 PCTL-GATE-OUTSIDE 4'],
  ],
  [
    'G-5: a sacred bind root',
    { platform: { ...platform(), policy: { ...platform().policy, bindRoots: ['/var'] } } },
    {},
    ['G-5 PCTL-GATE-SACRED 4'],
  ],
  [
    'G-6: a host that config.yaml does not know',
    { platform: { ...platform(), hosts: new Map() } },
    {},
    ['G-6 PCTL-GATE-HOST 4'],
  ],
  [
    'G-6: root',
    { platform: { ...platform(), hosts: new Map([['rs2000', { ...host, user: 'root' }]]) } },
    {},
    ['G-6 PCTL-GATE-HOST 4'],
  ],
  [
    'G-6: connected as root',
    { connection: { transport: 'ssh', user: 'root', hostKey: 'x' } },
    {},
    ['G-6 PCTL-GATE-HOST 4'],
  ],
  ['G-6: no host key', { connection: { transport: 'ssh', user: 'a', hostKey: null } }, {}, ['G-6 PCTL-GATE-HOST 4']],
  [
    'G-6: no host key over tailscale either',
    {
      platform: { ...platform(), hosts: new Map([['rs2000', { ...host, transport: 'tailscale' }]]) },
      connection: { transport: 'tailscale', user: 'a', hostKey: null },
    },
    {},
    ['G-6 PCTL-GATE-HOST 4'],
  ],
  [
    'G-6: local is whoever calls',
    {
      platform: { ...platform(), hosts: new Map([['rs2000', { ...host, transport: 'local', user: 'root' }]]) },
      connection: { transport: 'local', user: 'root', hostKey: null },
    },
    {},
    [],
  ],
  [
    'G-6: another remote_root',
    { platform: { ...platform(), hosts: new Map([['rs2000', { ...host, remoteRoot: '/opt/other' }]]) } },
    {},
    ['G-6 PCTL-GATE-HOST 4'],
  ],
  [
    'G-7: a denial in the text and as resolved is one failure',
    {
      compose: {
        text: { denials: [denial], exceptions: [], warnings: [], open: [] },
        resolved: { denials: [denial], exceptions: [], warnings: [], open: [] },
      },
    },
    {},
    ['G-7 PCTL-COMPOSE-BIND-OUTSIDE 4'],
  ],
  [
    'G-7: an exception that the plan does not show',
    {
      compose: {
        text: makeFacts().compose.text,
        resolved: {
          denials: [],
          exceptions: [{ rule: 'privileged', value: null, reason: 'r' }],
          warnings: [],
          open: [],
        },
      },
    },
    {},
    ['G-7 PCTL-COMPOSE-EXCEPTION 4'],
  ],
  [
    'G-7: one that it shows',
    {
      compose: {
        text: makeFacts().compose.text,
        resolved: {
          denials: [],
          exceptions: [{ rule: 'privileged', value: null, reason: 'r' }],
          warnings: [],
          open: [],
        },
      },
    },
    { exceptions: [{ rule: 'privileged', value: null, reason: 'r' }] },
    [],
  ],
  ['G-8: a signature names the plan', {}, { destructive: ['volumes differ'] }, []],
  ['G-8: a diverged commit, signed', provenance({ lastApplied: { sha: OLD, relation: 'diverged' } }), {}, []],
  [
    'G-8: in mode self yes is not enough',
    (plan) => ({ platform: platform({ modes: ['self'] }), approval: approval(plan, { signatures: [], self: 'yes' }) }),
    { destructive: ['x'] },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'G-8: in mode self the id is',
    (plan) => ({
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'module id' }),
    }),
    { destructive: ['x'] },
    [],
  ],
  [
    'G-8: protected and recreated, though the plan is silent',
    (plan) => ({
      ...provenance({ module: { ...module, protected: true } }),
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'yes' }),
    }),
    {},
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'G-8: not protected by this commit, and by the one that was applied last',
    (plan) => ({
      ...provenance({ wasProtected: true }),
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'yes' }),
    }),
    {},
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'G-8: protected, where its only reason is a tenant that another plan of the call recreates',
    (plan) => ({
      ...provenance({ module: { ...module, protected: true } }),
      recreatedBeside: ['tenant'],
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'yes' }),
    }),
    { destructive: ['tenant lives in its namespaces and loses them'] },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'G-8: protected, as the plan says itself, is told once',
    (plan) => ({
      ...provenance({ module: { ...module, protected: true }, wasProtected: true }),
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'yes' }),
    }),
    { destructive: ['recreates a protected module'] },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'G-8: diverged, in mode self',
    (plan) => ({
      ...provenance({ lastApplied: { sha: OLD, relation: 'diverged' } }),
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'yes' }),
    }),
    {},
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    "B-2: a kept release's approval counts again",
    (plan) => ({ approval: approval(plan, { signatures: [], release: ['bob@example.net'] }) }),
    { kind: 'rollback' },
    [],
  ],
  [
    'B-2: not for a destructive one',
    (plan) => ({ approval: approval(plan, { signatures: [], release: ['bob@example.net'] }) }),
    { kind: 'rollback', destructive: ['volumes differ'] },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'B-2: nor where only the host tells that it is destructive',
    (plan) => ({
      approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
      remade: { ...plan, destructive: ['the volumes of the release differ'] },
    }),
    { kind: 'rollback' },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'B-2: a release that nobody is known to have approved',
    (plan) => ({ approval: approval(plan, { signatures: [], release: [] }) }),
    { kind: 'rollback' },
    ['G-4 PCTL-APPROVAL-MISSING 5'],
  ],
  [
    'B-2: before the host was asked its approval is open, not missing',
    (plan) => ({ stage: 'without host', approval: approval(plan, { signatures: [], release: null }) }),
    { kind: 'rollback' },
    [],
  ],
  [
    'B-2: a destructive one fails before the host is asked',
    (plan) => ({ stage: 'without host', approval: approval(plan, { signatures: [], release: null }) }),
    { kind: 'rollback', destructive: ['volumes differ'] },
    ['G-8 PCTL-DESTRUCTIVE 6'],
  ],
  [
    'B-2: in mode self nobody is asked for what was approved before',
    (plan) => ({
      platform: platform({ modes: ['self'] }),
      approval: approval(plan, { signatures: [], self: 'pending', release: ['self:bob@example.net'] }),
    }),
    { kind: 'rollback' },
    [],
  ],
  [
    'B-2: an unsigned rollback plan that takes a file away',
    (plan) => ({
      approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
      remade: { ...plan, changes: [] },
    }),
    { kind: 'rollback', changes: [{ target: 'file.core/other.conf', action: 'remove', reasons: [] }] },
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  [
    'B-2: or names another image',
    (plan) => ({
      approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
      remade: { ...plan, image: { ...plan.image, id: `sha256:${hex('9')}` } },
    }),
    { kind: 'rollback' },
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  ...(
    [
      ['gives a file another role', { files: [{ ...makePlan().files[0], role: 'extra' }] }],
      ['leaves a file out', { files: [] }],
      ['makes a folder of its own', { folders: ['core', 'elsewhere'] }],
      ['recreates what its release would keep', { recreates: true }],
      ['keeps what its release would recreate', { recreates: false }],
      ['forces it', { force_recreate: true }],
      ['adopts it', { changes: [{ target: 'compose.service.web', action: 'adopt', reasons: [] }] }],
    ] as [string, Partial<Plan>][]
  ).map(([what, change]): Case => {
    const remade = makePlan({ kind: 'rollback', recreates: change.recreates === false });
    return [
      `B-2: an unsigned rollback plan that ${what}`,
      (plan) => ({
        ...provenance({ files: plan.files }),
        approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
        remade,
      }),
      { recreates: remade.recreates, ...change, kind: 'rollback' },
      ['G-9 PCTL-PLAN-STALE 8'],
    ];
  }),
  [
    'B-2: one that makes a folder less than its release would',
    (plan) => ({
      approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
      remade: { ...plan, folders: ['core', 'core/data'] },
    }),
    { kind: 'rollback' },
    [],
  ],
  [
    'B-2: one whose container turned unhealthy since, and is recreated anyway',
    (plan) => ({
      ...provenance({ files: plan.files }),
      approval: approval(plan, { signatures: [], release: ['bob@example.net'] }),
      remade: { ...plan, force_recreate: true },
    }),
    { kind: 'rollback', recreates: true },
    [],
  ],
  [
    'B-2: nor for an ordinary plan',
    (plan) => ({ approval: approval(plan, { signatures: [], release: ['bob@example.net'] }) }),
    {},
    ['G-4 PCTL-APPROVAL-MISSING 5'],
  ],
  [
    'G-9: spent',
    (plan) => ({ status: { serial: 13, spent: [hex('0'), plan.digest] } as never }),
    {},
    ['G-9 PCTL-PLAN-SPENT 8'],
  ],
  [
    "P-12: another image than the commit's",
    { remade: makePlan() },
    { image: { reference: 'evil:1', id: null } },
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  [
    'P-12: compose resolves otherwise',
    { remade: makePlan({ resolved: { privileged: true } }) },
    {},
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  [
    'P-12: a smoke that is easier to pass',
    { remade: makePlan() },
    { smoke: { ...makePlan().smoke, stable_seconds: 1 } },
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  ['P-12: what it would be now is not known', { remade: null }, {}, ['G-9 PCTL-PLAN-STALE 8']],
  ['G-9: another serial', { status: { serial: 14, spent: [] } as never }, {}, ['G-9 PCTL-PLAN-STALE 8']],
  ['G-9: the status is gone', { status: null }, {}, ['G-9 PCTL-PLAN-STALE 8']],
  [
    'G-9: recreated',
    identity({ containers: [{ id: hex('0'), image: `sha256:${hex('5')}`, config_hash: hex('6') }] }),
    {},
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  [
    'G-9: a second container',
    identity({
      containers: [...makePlan().observed!.identity.containers, { id: hex('0'), image: 'x', config_hash: null }],
    }),
    {},
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  ['G-9: the tag moved', identity({ image_id: null }), {}, ['G-9 PCTL-PLAN-STALE 8']],
  ['G-9: another compose', identity({ compose_version: '2.41' }), {}, ['G-9 PCTL-PLAN-STALE 8']],
  ['G-9: a file changed', identity({ files: [{ ...seen, digest: hex('8') }] }), {}, ['G-9 PCTL-PLAN-STALE 8']],
  ['G-9: its mode', identity({ files: [{ ...seen, mode: '0600' }] }), {}, ['G-9 PCTL-PLAN-STALE 8']],
  [
    "G-9: already the plan's own bytes",
    identity({ files: [{ ...seen, digest: hex('b'), mode: '0644', uid: 0 }] }),
    {},
    [],
  ],
  [
    'G-9: its own bytes behind a link',
    identity({ files: [{ ...seen, kind: 'symlink', digest: hex('b') }] }),
    {},
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
  ['G-9: not looked at', identity({ files: [] }), {}, ['G-9 PCTL-PLAN-STALE 8']],
  [
    'G-9: a file of the plan that it never saw',
    {},
    { observed: { ...makePlan().observed!, identity: { ...makePlan().observed!.identity, files: [] } } },
    ['G-9 PCTL-PLAN-STALE 8'],
  ],
])('%s', (_name, change, planChange, wanted) => {
  it(wanted.length === 0 ? 'passes' : `gives ${wanted.join(', ')}`, () => {
    const plan = makePlan(planChange);
    const facts = makeFacts(plan, typeof change === 'function' ? change(plan) : change);
    expect(judge(facts)).toEqual(wanted);
  });
});

describe('G-5: paths of a plan', () => {
  it.each([
    '../x',
    '/etc/passwd',
    'a/../../x',
    '.ssh/authorized_keys',
    'core/.git/config',
    '.platform/state/x',
    'a\u0000b',
    'a\nb',
    '',
    '.',
    'a/..',
  ])('refuses %j', (path) => {
    const codes = judge(makeFacts(makePlan({ folders: [path] })));
    expect(codes).toHaveLength(1);
    expect(codes[0]).toMatch(/^G-5 PCTL-GATE-(SACRED|OUTSIDE) 4$/);
  });

  it.each(['core', 'etc', 'a.git/x', 'lib', 'home/.sshx'])('takes %j', (path) => {
    expect(judge(makeFacts(makePlan({ folders: [path] })))).toEqual([]);
  });
});

describe('G-7: hints', () => {
  it('prints the exception ready to paste', () => {
    const judged = { denials: [denial], exceptions: [], warnings: [], open: [] };
    const failure = evaluate(makeFacts(makePlan(), { compose: { text: judged, resolved: judged } }))[6]?.failures[0];
    expect(failure?.hint).toContain('- { module: web, rule: bind_outside, value: /data/x, reason:');
    expect(failure?.why).toBe('core/compose.yaml:7: /data/x lies outside');
  });
});

it('I-5: tokens of any length are compared without an early end', () => {
  expect(equalTokens('abc', 'abc')).toBe(true);
  expect(equalTokens('abc', 'abd')).toBe(false);
  expect(equalTokens('abc', 'abcd')).toBe(false);
  expect(equalTokens('é', 'e')).toBe(false);
});

describe('hints name the command that makes a plan of the same kind', () => {
  const everythingWrong = (plan: Plan): GateFacts =>
    makeFacts(plan, {
      policy: { ref: 'main', sha: OLD, digest: hex('9') },
      ...provenance({
        approvedSha: OLD,
        manifestDigest: hex('9'),
        module: { ...module, service: 'other' },
        lastApplied: { sha: OLD, relation: 'ancestor' },
      }),
      compose: {
        text: denials(),
        resolved: { ...denials(), exceptions: [{ rule: 'docker_socket', value: '/x', reason: 'x' }] },
      },
      ...identity({ serial: 99 }),
      remade: { ...plan, project: 'other' },
      status: { serial: 99, spent: [plan.digest] } as never,
    });
  const denials = () => ({ denials: [], exceptions: [], warnings: [], open: [] });
  const wrong = { remote_root: '/srv/elsewhere', source_dirty: true, offline: true };

  it.each([
    ['apply', 'platformctl plan web', /^(at the newer commit: |commit, then )?platformctl plan web( --sha \w+)?$/],
    ['remove', 'platformctl plan web --remove', /^(.*: |commit, then )?platformctl plan web --remove( --sha \w+)?$/],
    [
      'rollback',
      'platformctl rollback web',
      /^(commit, then )?platformctl rollback web --to \w+ --out web\.plan\.json$/,
    ],
  ] as const)('%s', (kind, command, form) => {
    const plan = makePlan({ kind, ...wrong } as Partial<Plan>);
    const hints = evaluate(everythingWrong(plan))
      .flatMap((one) => one.failures)
      .filter(({ code }) => code !== 'PCTL-COMMIT-OLDER' || kind !== 'apply')
      .map(({ hint }) => hint ?? '');
    const commands = hints.filter((hint) => /platformctl (plan|rollback)/.test(hint));
    expect(commands.length).toBeGreaterThan(5);
    for (const hint of commands) expect(hint).toMatch(form);
    expect(commands.some((hint) => hint.includes(command))).toBe(true);
    expect(hintFor({ outcome: 'applied_unrecorded' } as never, plan, 'r')).toContain(command);
  });
});
