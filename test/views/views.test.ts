import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { asPlatformError, PlatformError, ProblemsError } from '../../src/errors.js';
import type { ApplyResult, Check, LockRow, LocksResult } from '../../src/flows/results.js';
import type { StepEvent } from '../../src/ports.js';
import { applyJson, applyText } from '../../src/views/apply.js';
import { auditJson, auditText } from '../../src/views/audit.js';
import { checksJson, checksText } from '../../src/views/checks.js';
import { driftJson, driftText } from '../../src/views/drift.js';
import { errorJson, errorText } from '../../src/views/errors.js';
import { locksJson, locksText } from '../../src/views/locks.js';
import { planJson, planText } from '../../src/views/plan.js';
import { progressLine } from '../../src/views/progress.js';
import { showText } from '../../src/views/show.js';
import { statusJson, statusText } from '../../src/views/status.js';
import type { Style } from '../../src/views/style.js';
import { APPLIES, hex, hostilePlan, immich, planResult, statusResult } from './samples.js';

const PLAIN: Style = { colour: false, full: false, now: null, terminal: false };
const PERSON: Style = { colour: true, full: false, now: Date.parse('2026-11-24T12:10:00Z'), terminal: true };

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
const validators = new Map<string, ReturnType<typeof ajv.compile>>();
function valid(schema: string, document: unknown): void {
  const check =
    validators.get(schema) ?? ajv.compile(JSON.parse(readFileSync(`schemas/${schema}.schema.json`, 'utf8')));
  validators.set(schema, check);
  check(JSON.parse(JSON.stringify(document)));
  expect(check.errors ?? []).toEqual([]);
}

const golden = (name: string, text: string): Promise<void> =>
  expect(text).toMatchFileSnapshot(`golden/${name.replaceAll(' ', '-')}.txt`) as unknown as Promise<void>;
const uncoloured = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, '');

describe('plan', () => {
  const failure = {
    module: 'web',
    code: 'PCTL-HOST-CONNECT',
    summary: 'nas cannot be reached',
    where: { host: 'nas', step: 'connect' },
    why: 'refused',
    hint: 'platformctl host check nas\nor look at it',
    exitCode: 7 as const,
  };
  const [first] = planResult().planned;
  const one = planResult({ planned: first ? [first] : [], undeclared: [] });
  const asked = { protected: false, job: false, lastApplied: first?.lastApplied ?? null };
  const OLD = '91b7d3a'.padEnd(40, '0');
  const cases = {
    several: planResult(),
    stack: planResult({
      planned: planResult().planned.map((each, at) =>
        at === 0
          ? { ...each, plan: immich({ destructive: ['vpn lives in its namespaces and loses them'] }), destructive: [] }
          : each,
      ),
      stacks: new Map([
        ['immich', ['immich-database', 'immich-redis', 'immich-migrate', 'immich-server']],
        ['shop', ['shop-web']],
      ]),
    }),
    one,
    self: { ...one, approvalModes: ['self' as const] },
    'no changes': planResult({ planned: planResult().planned.slice(2), undeclared: [], exitCode: 0 }),
    errors: planResult({
      planned: [],
      errors: [failure],
      warnings: ['rs2000: group docker equals root'],
      leftOut: 3,
      undeclared: [],
      exitCode: 7,
    }),
    offline: planResult({
      planned: one.planned.map((p) => ({ ...p, plan: immich({ observed: null, offline: true }), lastApplied: null })),
      undeclared: [],
      offline: true,
      dirty: true,
      written: ['a.plan.json'],
    }),
    exceptions: planResult({
      planned: [
        {
          plan: immich({
            exceptions: [{ rule: 'docker_socket', value: '/var/run/docker.sock', reason: 'reads labels' }],
            destructive: ['it is protected'],
            also_affected: [{ service: 'gluetun', why: 'lives in its network' }],
            warnings: ['equals root on the host'],
          }),
          protected: true,
          job: false,
          lastApplied: null,
        },
      ],
      undeclared: [],
    }),
    rollback: { ...one, branch: null, sourceSha: OLD, planned: [{ ...asked, plan: immich({ kind: 'rollback' }) }] },
    'rollback destructive': planResult({
      ...one,
      sourceSha: OLD,
      planned: [
        {
          ...asked,
          plan: immich({
            kind: 'rollback',
            destructive: ['the volumes of the release differ: without library at /data'],
            warnings: ['host file .env is not what that release ran with: a rollback cannot put it back'],
          }),
        },
      ],
      written: ['back.plan.json'],
    }),
    remove: planResult({
      ...one,
      planned: [
        {
          ...asked,
          plan: immich({
            kind: 'remove',
            files: [],
            recreates: false,
            changes: [
              { target: 'compose.service.immich-server', action: 'remove', reasons: ['asked for'] },
              { target: 'file.core/own.conf', action: 'remove', reasons: ['delivered for it alone'] },
              { target: 'file.core/compose.yaml', action: 'none', reasons: ['kept: another module has it too'] },
            ],
            destructive: ['immich-server is removed'],
            warnings: ['kept on rs2000: volume immich_library, compose.yaml (another module has it too)'],
          }),
        },
      ],
    }),
    hostile: planResult({
      planned: [{ plan: hostilePlan, protected: false, job: false, lastApplied: null }],
      undeclared: [],
    }),
  };
  it.each(Object.entries(cases))('C-1 %s: text and JSON', async (name, result) => {
    await golden(`plan-${name}`, planText(result, PLAIN));
    valid('plan-output', planJson(result));
  });

  it('relative times and colour on a terminal only, and colour says nothing that words do not', () => {
    const text = planText(one, PERSON);
    expect(text).toContain('6 days ago by bob');
    expect(uncoloured(planText(planResult(), { ...PERSON, now: null }))).toBe(planText(planResult(), PLAIN));
    expect(text).toContain('\x1b[');
  });

  it('--full cuts nothing', () => {
    const text = planText(one, { ...PLAIN, full: true });
    expect(text).toContain(one.planned[0]?.plan.digest);
    expect(text).toContain(one.sourceSha);
    expect(text).toContain('ghcr.io/immich-app/immich-server:v1.135.1 -> ghcr.io/immich-app/immich-server:v1.136.0');
  });
});

describe('drift', () => {
  const row = { host: 'rs2000', drifted: false, pending: false, changes: [], error: null };
  const reasons = ['file on host differs: redis.conf', 'recreated outside platformctl'];
  const drifted = {
    ...row,
    module: 'immich-redis',
    drifted: true,
    changes: [{ target: 'compose.service.redis', action: 'update' as const, reasons }],
  };
  const rows = [
    {
      ...row,
      module: 'caddy',
      drifted: null,
      host: 'edge',
      error: {
        module: 'caddy',
        code: 'PCTL-HOST-CONNECT',
        summary: 'edge cannot be reached',
        where: { host: 'edge', step: 'connect' },
        why: null,
        hint: 'platformctl host check edge',
        exitCode: 7 as const,
      },
    },
    { ...row, module: 'immich-database' },
    drifted,
    { ...row, module: 'immich-server', pending: true },
    { ...row, module: 'new', drifted: null },
  ];
  it.each(
    Object.entries({
      several: { rows, exitCode: 7 as const },
      one: { rows: [drifted], exitCode: 1 as const },
      none: { rows: [{ ...row, module: 'immich-database' }], exitCode: 0 as const },
    }),
  )('C-1, P-11 %s: text and JSON', async (name, result) => {
    await golden(`drift-${name}`, driftText(result, PLAIN));
    valid('drift-output', driftJson(result));
    expect(uncoloured(driftText(result, PERSON))).toBe(driftText(result, PLAIN));
  });
});

describe('apply', () => {
  it.each(Object.entries(APPLIES))('C-1 %s: text and JSON', async (name, result) => {
    await golden(`apply-${name}`, applyText([result], PLAIN));
    valid('apply-output', applyJson([result]));
  });

  it('the closing block is the same byte for byte on a terminal and in CI, but for colour', () => {
    for (const result of Object.values(APPLIES))
      expect(uncoloured(applyText([result], PERSON))).toBe(applyText([result], PLAIN));
  });

  it('X-10 what would be applied is not unchanged', () => {
    const { 'would apply': would, 'no changes': same } = APPLIES as Record<string, ApplyResult>;
    expect(applyText([would, would, same] as ApplyResult[], PLAIN)).toMatch(/^2 would apply, 1 unchanged, 0 failed/m);
  });

  it('B-3 several: the worst exit stands in the last line', () => {
    const text = applyText(Object.values(APPLIES), PLAIN);
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/\(exit 12\)$/);
  });

  it('progress is a line a step', () => {
    const event = (step: StepEvent['step'], state: StepEvent['state'], detail: string): StepEvent => ({
      time: '2026-11-24T12:04:09Z',
      module: 'immich-server',
      step,
      state,
      detail,
    });
    expect(progressLine(event('pull', 'done', 'immich-server:v1.136.0, 7 s'))).toBe(
      '12:04:09Z immich-server pull     immich-server:v1.136.0, 7 s',
    );
    expect(progressLine(event('verify', 'failed', '\x1b[2Jexited\n::error::x'))).toBe(
      '12:04:09Z immich-server verify   FAILED: \\x1b[2Jexited\\n: :error::x',
    );
  });
});

describe('status', () => {
  it('R-1 a row a module, what is wrong, where it is known from, the next thing to do', async () => {
    await golden('status', statusText(statusResult, PLAIN));
    await golden(
      'status-fine',
      statusText({ rows: statusResult.rows.slice(0, 2), undeclared: [], errors: [], exitCode: 0 }, PLAIN),
    );
    const spare = {
      module: null,
      code: 'PCTL-HOST-CONNECT',
      summary: 'spare cannot be reached at 10.0.0.9 port 22',
      where: { host: 'spare', step: 'connect' },
      why: 'nothing listens at this port (ECONNREFUSED); tried 4 times',
      hint: 'platformctl host check spare',
      exitCode: 7 as const,
    };
    const unasked = { rows: statusResult.rows.slice(0, 2), undeclared: [], errors: [spare], exitCode: 7 as const };
    await golden('status-unasked', statusText(unasked, PLAIN));
    for (const result of [statusResult, unasked]) valid('status-output', statusJson(result));
  });
});

describe('lock list, doctor, audit verify', () => {
  const locks: LockRow[] = [
    {
      host: 'rs2000',
      name: 'module.web',
      state: 'held',
      runId: '0193a1c2-7e02-7abc-8def-0123456789ab',
      who: 'alice@laptop',
      since: '2026-11-24T12:04:01Z',
      sourceSha: hex('4', 40),
      ciUrl: null,
    },
    {
      host: 'nas',
      name: 'project.core',
      state: 'finishing',
      runId: null,
      who: null,
      since: null,
      sourceSha: null,
      ciUrl: 'https://git.example.net/o/r/actions/runs/7',
    },
  ];
  it('X-6 locks', async () => {
    const all: LocksResult = { locks, answered: 2, errors: [], exitCode: 0 };
    const part: LocksResult = {
      ...all,
      errors: [
        {
          module: null,
          code: 'PCTL-HOST-CONNECT',
          summary: 'edge did not let us in within 15 s',
          where: { host: 'edge', step: 'connect' },
          why: 'no SSH server answered',
          hint: 'platformctl host check edge',
          exitCode: 7,
        },
      ],
      exitCode: 7,
    };
    const results = [all, { ...all, locks: [] }, part, { ...part, locks: [] }, { ...part, locks: [], answered: 0 }];
    await golden('locks', results.map((result) => locksText(result, PLAIN)).join('----\n'));
    for (const result of results) valid('lock-output', locksJson(result));
  });

  const checks: Check[] = [
    { id: 'git', host: null, ok: true, detail: 'git 2.39.5', fix: null },
    { id: 'ssh-agent', host: null, ok: false, detail: 'no agent answers', fix: 'eval $(ssh-agent)\nssh-add' },
    { id: 'connect', host: 'rs2000', ok: true, detail: 'platform-host-agent with the key ~/.ssh/id\x07', fix: null },
  ];
  it('C-7 checks, each failure with what mends it', async () => {
    await golden('checks', checksText(checks, PLAIN, 7));
    valid('checks-output', checksJson(checks, 7));
  });

  it('R-6 audit', async () => {
    const bad = {
      host: 'rs2000',
      lines: 12,
      problems: [{ line: 4, code: 'PCTL-AUDIT-HASH' as const, summary: 'the line is not what its hash says' }],
    };
    await golden('audit', auditText({ host: null, lines: 3, problems: [] }, PLAIN) + auditText(bad, PLAIN));
    valid('audit-output', auditJson(bad, 2));
    valid('audit-output', auditJson({ host: null, lines: 0, problems: [] }, 0));
  });
});

describe('show', () => {
  it('a plan as a whole', async () => {
    await golden('show', showText(immich(), PLAIN));
    await golden('show-hostile', showText(hostilePlan, PLAIN));
  });
});

describe('errors', () => {
  const full = new PlatformError({
    code: 'PCTL-GATE-HOST',
    exit: 4,
    summary: 'rs2000 shows another key',
    where: { file: 'a.yaml', line: 3, column: 7, host: 'rs2000', step: 'connect' },
    why: 'it is\n\x1b[31mSHA256:x',
    hint: 'first this\nthen that',
  });
  const bare = new PlatformError({ code: 'PCTL-NO-REPO', exit: 2, summary: 'this is no git repository' });
  const problems = new ProblemsError([
    {
      code: 'PCTL-KEY-UNKNOWN',
      file: 'modules/web/module.yaml',
      line: 4,
      column: 3,
      message: "unknown key 'hosts'",
      hint: 'host',
    },
    { code: 'PCTL-MODULE-HOST', file: 'modules/api/module.yaml', line: 1, column: 1, message: 'no such host' },
  ]);
  const kinds = Object.entries({ full, bare, problems });
  it.each(kinds)('C-2 %s: what, where, why, hint, code; as text and JSON', async (name, error) => {
    await golden(`error-${name}`, errorText(error, PLAIN));
    valid('error', errorJson(error));
  });

  it('O-6 what a library threw: its kind, never its message', () => {
    const thrown = Object.assign(new TypeError('spawn git -c http.extraHeader=Authorization: abc'), { code: 'ENOENT' });
    const error = asPlatformError(thrown);
    expect(error).toMatchObject({ code: 'PCTL-INTERNAL', exit: 2, why: 'TypeError ENOENT' });
    expect(errorText(error, PLAIN) + JSON.stringify(errorJson(error))).not.toContain('abc');
    for (const odd of ['text', null, undefined, { message: 'x' }])
      expect(asPlatformError(odd)).toMatchObject({ exit: 2 });
  });
});

it('C-1, O-5 no text has a control character, a runner command or a box, and its last line is not blank', () => {
  const texts = [
    planText(planResult({ planned: [{ plan: hostilePlan, protected: false, job: false, lastApplied: null }] }), PLAIN),
    showText(hostilePlan, PLAIN),
    ...Object.values(APPLIES).map((r) => applyText([r], PLAIN)),
    statusText(statusResult, PLAIN),
  ];
  for (const text of texts) {
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2500-\u257f]/);
    expect(text).not.toMatch(/^[ \t]*::|##\[/m);
    expect(text).toMatch(/\S\n$/);
  }
});
