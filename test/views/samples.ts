/** Results as the flows return them, for the views' golden tests: the cases of every outcome, with values that try to act. */
import type { ApplyResult, GateVerdict, PlanResult, StatusResult, StatusRow } from '../../src/flows/results.js';
import type { Plan, Status } from '../../src/manifest/types.js';
import { planFixture, statusFixture } from '../fixtures/plans.js';

export const hex = (letter: string, length = 64): string => letter.repeat(length);
const SHA = '4e1f0c2b7d3a4e1f0c2b7d3a4e1f0c2b7d3a4e1f';
const OLD_SHA = '91b7d3a091b7d3a091b7d3a091b7d3a091b7d3a0';

const image = (version: string) => ({
  reference: `ghcr.io/immich-app/immich-server:${version}`,
  id: `sha256:${hex('8')}`,
});

export function immich(members: Partial<Plan> = {}): Plan {
  return planFixture({
    module: 'immich-server',
    service: 'immich-server',
    source_sha: SHA,
    project_source: 'manifest',
    image: image('v1.136.0'),
    changes: [
      {
        target: 'compose.service.immich-server',
        action: 'update',
        reasons: ['service definition changed: environment.LOG_LEVEL, image'],
      },
      { target: 'file.core/compose.yaml', action: 'update', reasons: ['changed in the commit'] },
    ],
    ...members,
  });
}

const applied = {
  sha: OLD_SHA,
  at: '2026-11-18T09:10:00Z',
  by: ['bob@example.net'],
  image: image('v1.135.1').reference,
};

export const planResult = (members: Partial<PlanResult> = {}): PlanResult => ({
  sourceSha: SHA,
  branch: 'main',
  dirty: false,
  offline: false,
  planned: [
    { plan: immich(), protected: false, job: false, lastApplied: applied },
    {
      plan: immich({
        module: 'immich-redis',
        image: { reference: 'redis:7.2', id: null },
        changes: [{ target: 'compose.service.redis', action: 'update', reasons: ['mounted file changed: redis.conf'] }],
      }),
      protected: false,
      job: false,
      lastApplied: { ...applied, at: '2026-11-17T09:10:00Z' },
    },
    {
      plan: immich({
        module: 'immich-database',
        changes: [{ target: 'compose.service.database', action: 'none', reasons: [] }],
        recreates: false,
        exitCode: 0,
      }),
      protected: true,
      job: false,
      lastApplied: applied,
    },
    {
      plan: immich({
        module: 'immich-migrate',
        changes: [{ target: 'compose.service.migrate', action: 'none', reasons: [] }],
        recreates: false,
        exitCode: 0,
      }),
      protected: false,
      job: true,
      lastApplied: null,
    },
  ],
  undeclared: [{ host: 'rs2000', project: 'core', service: 'old-grafana', module: null, state: 'running' }],
  errors: [],
  leftOut: 0,
  warnings: [],
  written: [],
  exitCode: 1,
  ...members,
});

export const hostilePlan = immich({
  service: 'x`y',
  image: { reference: '`![x](http://evil.example/a.png)` @everyone', id: null },
  changes: [
    {
      target: 'compose.service.x',
      action: 'update',
      reasons: ['env file changed: a\u202eb|c\\|**d**', '::error::x\x1b[31m\n##[group]y'],
    },
    { target: 'file.a\n<img src=x onerror=y>', action: 'create', reasons: ['not on the host'] },
  ],
  exceptions: [{ rule: 'docker_socket', value: '``/var/run/docker.sock``', reason: '</details><script>' }],
  warnings: ['[click](javascript:x) #12 @bob'],
});

const gates = (failures: GateVerdict['failures']): GateVerdict[] => [
  ...['policy', 'phase', 'provenance', 'sacred paths', 'hosts', 'compose policy', 'destructive'].map(
    (name, i): GateVerdict => ({
      gate: `G-${i + 1}`,
      name,
      state: 'pass',
      failures: [],
    }),
  ),
  { gate: 'G-4', name: 'approval', state: failures.length > 0 ? 'fail' : 'pass', failures },
  { gate: 'G-9', name: 'freshness', state: failures.length > 0 ? 'not reached' : 'pass', failures: [] },
];

const applyResult = (members: Partial<ApplyResult> = {}): ApplyResult => ({
  module: 'immich-server',
  host: 'rs2000',
  composeService: 'immich-server',
  outcome: 'applied',
  message: 'healthy for 10 s',
  runId: '0193a1c2-7e02-7abc-8def-0123456789ab',
  changed: true,
  digest: hex('3'),
  sourceSha: SHA,
  stateArtifact: '.platform/state/modules/immich-server.status.json',
  remote: { command: 'cd /opt/platform && docker compose up -d', returncode: 0, stdout: '', stderr: 'Started\n' },
  error: null,
  gates: gates([]),
  log: [],
  notes: [],
  durationSeconds: 30,
  back: null,
  selfApproved: false,
  approvedBy: ['bob@example.net'],
  hint: null,
  exitCode: 9,
  ...members,
});

export const APPLIES: Readonly<Record<string, ApplyResult>> = {
  applied: applyResult(),
  removed: applyResult({
    outcome: 'removed',
    remote: null,
    notes: ['kept on rs2000: volume immich_library'],
  }),
  'rolled back on request': applyResult({
    hint: 'the branch still asks for what was there before; revert it or fix it, for the next apply brings it back',
  }),
  'self-approved': applyResult({ selfApproved: true, approvedBy: ['self:alice@laptop'] }),
  'rolled back': applyResult({
    outcome: 'rolled_back',
    message: 'the new container never stayed up for 10 s',
    log: [
      ...Array.from({ length: 8 }, (_, i) => `line ${i}`),
      '[F] Unable to migrate database: column "actor_id" does not exist\x1b[0m',
    ],
    notes: ['volumes were not put back: forgejo_data'],
    back: { sha: OLD_SHA, image: 'forgejo:13.0.2', downSeconds: 9 },
    hint: 'main still asks for 4e1f0c2; revert it or fix it',
    exitCode: 11,
  }),
  'rollback failed': applyResult({
    outcome: 'rollback_failed',
    message: 'compose returned 1',
    hint: 'act now, on rs2000:\ndocker ps -a',
    exitCode: 12,
  }),
  refused: applyResult({
    outcome: 'refused',
    runId: null,
    changed: false,
    remote: null,
    gates: gates([
      {
        code: 'PCTL-APPROVAL-DIGEST',
        check: null,
        why: "bob's signature is for plan 91c0de77a2f1; this plan is 3fa94c1b7e02",
        hint: 'bob or carol: platformctl approve immich-server',
        exitCode: 5,
      },
      {
        code: 'PCTL-APPROVAL-AUTHOR',
        check: 'HOST-ALLOWLIST-01',
        why: "alice's signature does not count: she wrote 4e1f0c2",
        hint: null,
        exitCode: 5,
      },
    ]),
    hint: 'platformctl explain-approval immich-server shows every one',
    exitCode: 5,
  }),
  stale: applyResult({
    outcome: 'stale',
    runId: null,
    changed: false,
    remote: null,
    message: 'the container was recreated since',
    hint: 'platformctl plan immich-server',
    exitCode: 8,
  }),
  busy: applyResult({
    outcome: 'busy',
    changed: false,
    remote: null,
    message: 'module.immich-server is held: alice@laptop since 2026-11-24T12:00:00Z, run 0193a1c1-55d0',
    hint: 'wait for it (--lock-wait SECONDS)',
    exitCode: 10,
  }),
  'remote failed': applyResult({
    outcome: 'remote_failed',
    changed: false,
    remote: null,
    message: 'rs2000 did not answer',
    error: {
      module: 'immich-server',
      code: 'PCTL-HOST-SILENT',
      summary: 'rs2000 did not answer',
      where: { host: 'rs2000', step: 'pull' },
      why: 'nothing came for 900 s',
      hint: 'platformctl host check rs2000',
      exitCode: 7,
    },
    exitCode: 7,
  }),
  unknown: applyResult({
    outcome: 'unknown',
    remote: null,
    message: 'the connection to rs2000 was lost after go',
    hint: 'platformctl status immich-server',
    exitCode: 15,
  }),
  'no changes': applyResult({
    outcome: 'no_changes',
    changed: false,
    remote: null,
    runId: null,
    message: 'nothing to do',
    durationSeconds: 2,
    exitCode: 0,
  }),
  'would apply': applyResult({
    outcome: 'would_apply',
    changed: false,
    remote: null,
    runId: null,
    message: 'would run: docker compose up -d web',
    notes: ['to apply it: PLATFORMCTL_PHASE=05'],
    durationSeconds: 3,
    exitCode: 1,
  }),
};

const status = (members: Partial<Status>): Status =>
  statusFixture({
    approved_by: ['bob@example.net'],
    last_apply_sha: SHA,
    applied_at: '2026-11-24T12:04:31Z',
    outcome: 'applied',
    intent: null,
    ...members,
  });

const row = (members: Partial<StatusRow>): StatusRow => ({
  module: 'immich-server',
  host: 'rs2000',
  source: 'host',
  mirrorOf: null,
  condition: 'healthy',
  runs: 'applied',
  hasHealthcheck: true,
  exceptions: 0,
  status: status({ image: image('v1.136.0') }),
  interrupted: null,
  error: null,
  ...members,
});

const attempt = {
  run_id: 'r',
  sha: SHA,
  plan_digest: hex('3'),
  outcome: 'rolled_back',
  why: 'exited_1',
  ended_at: '2026-11-24T12:31:53Z',
};

export const statusResult: StatusResult = {
  rows: [
    row({}),
    row({
      module: 'immich-redis',
      condition: 'running',
      hasHealthcheck: false,
      status: status({ image: { reference: 'redis:7.2', id: null } }),
    }),
    row({
      module: 'traefik',
      exceptions: 1,
      status: status({
        approved_by: ['self:alice@laptop'],
        image: { reference: `traefik@sha256:${hex('c')}`, id: null },
      }),
    }),
    row({
      module: 'forgejo',
      host: 'nas',
      status: status({ outcome: 'rolled_back', last_apply_sha: OLD_SHA, attempt }),
    }),
    row({
      module: 'caddy',
      host: 'edge',
      source: 'mirror',
      mirrorOf: '2026-11-23T10:00:00Z',
      condition: null,
      runs: null,
      error: {
        module: 'caddy',
        code: 'PCTL-HOST-CONNECT',
        summary: 'edge cannot be reached',
        where: { host: 'edge' },
        why: null,
        hint: null,
        exitCode: 7,
      },
    }),
    row({ module: 'new', condition: 'absent', runs: null, status: null }),
    row({ module: 'by-hand', runs: 'other' }),
    row({ module: 'gone', condition: 'absent', runs: 'none' }),
    row({
      module: 'torn',
      host: 'nas',
      interrupted: {
        runId: '0193a1aa-7e02-7abc-8def-0123456789ab',
        outcome: 'unknown',
        why: 'its plan is no longer on the host',
      },
    }),
  ],
  undeclared: [{ host: 'rs2000', project: 'core', service: 'old-grafana', module: null, state: 'running' }],
  errors: [],
  exitCode: 15,
};
