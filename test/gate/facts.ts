/** A plan that every gate lets through, and facts to match; tests change one thing at a time. */
import type { ApprovalFacts } from '../../src/gate/approval.js';
import type { GateFacts } from '../../src/gate/facts.js';
import type { HostConfig, Platform, ServiceModule } from '../../src/manifest/model.js';
import type { Plan } from '../../src/manifest/types.js';
import { changeDigest, planDigest } from '../../src/plan/artifact.js';

export const SHA = '4e1f0c2'.padEnd(40, '0');
export const OLD = '91b7d3a'.padEnd(40, '0');
export const hex = (digit: string) => digit.repeat(64);
export const KEYS = {
  alice: 'ssh-ed25519 AAAAalice',
  bob: 'ssh-ed25519 AAAAbob',
  bob2: 'ssh-ed25519 AAAAbob2',
  eve: 'ssh-ed25519 AAAAeve',
};
export const NOW = Date.UTC(2026, 10, 24);

export const host: HostConfig = {
  name: 'rs2000',
  transport: 'ssh',
  address: 'rs2000.example.net',
  port: 22,
  user: 'platform-host-agent',
  hostKey: 'ssh-ed25519 AAAA',
  knownHostsFile: null,
  identityFile: null,
  jump: [],
  shared: false,
  remoteRoot: '/opt/platform',
  repoRoot: '',
  delivery: 'push',
};

export const platform = (approval: Partial<Platform['approval']> = {}): Platform => ({
  hosts: new Map([['rs2000', host]]),
  protectedRef: 'main',
  approval: { modes: ['signature'], required: 1, approvers: null, allowAuthor: false, ...approval },
  policy: { sacredPaths: ['/srv/backup'], bindRoots: ['/mnt/media'], allow: [], deny: [] },
  envFile: { prefixes: [], names: [] },
  retention: { runs: 200, days: 90 },
});

export const module: ServiceModule = {
  id: 'web',
  manifestPath: 'modules/web/module.yaml',
  stack: null,
  description: '',
  owner: '',
  host: 'rs2000',
  composeFile: 'core/compose.yaml',
  service: 'web',
  project: 'core',
  delivery: 'push',
  ownDelivery: null,
  files: [],
  hostFiles: [],
  smoke: { timeoutSeconds: 120, stableSeconds: null, http: null, exits: null },
  dependsOn: [],
  protected: false,
};

const file = {
  path: 'core/compose.yaml',
  source: 'commit' as const,
  role: 'compose' as const,
  blob: 'b'.repeat(40),
  sha256: hex('b'),
  keyed: null,
  mode: '0644',
};

export function makePlan(change: Partial<Plan> = {}): Plan {
  const body: Omit<Plan, 'digest' | 'change_digest'> = {
    schema_version: '1.0',
    platformctl_version: '0.1.0',
    kind: 'apply',
    module: 'web',
    host: 'rs2000',
    remote_root: '/opt/platform',
    project: 'core',
    project_source: 'manifest',
    compose_file: 'core/compose.yaml',
    service: 'web',
    delivery: 'push',
    source_sha: SHA,
    source_dirty: false,
    offline: false,
    manifest_digest: hex('1'),
    policy: { ref: 'main', sha: OLD, digest: hex('2') },
    files: [file],
    folders: ['core'],
    image: { reference: 'web:1', id: `sha256:${hex('3')}` },
    resolved: {},
    smoke: {
      timeout_seconds: 120,
      stable_seconds: 30,
      healthcheck: false,
      http: null,
      exits: null,
      stop_grace_seconds: 10,
    },
    observed: {
      identity: {
        containers: [{ id: hex('4'), image: `sha256:${hex('5')}`, config_hash: hex('6') }],
        files: [{ path: file.path, kind: 'file', digest: hex('7'), mode: '0644', uid: 1000 }],
        image_id: `sha256:${hex('3')}`,
        serial: 13,
        compose_version: '2.40.3',
      },
      condition: 'running',
    },
    changes: [{ target: 'compose.service.web', action: 'update', reasons: ['image moved'] }],
    also_affected: [],
    recreates: true,
    force_recreate: false,
    destructive: [],
    exceptions: [],
    warnings: [],
    exitCode: 1,
    created_at: '2026-11-24T12:00:00Z',
    ...change,
  };
  const whole = { ...body, change_digest: changeDigest(body) };
  return { ...whole, digest: planDigest(whole) };
}

export const unchanged = () =>
  makePlan({
    exitCode: 0,
    recreates: false,
    changes: [{ target: 'compose.service.web', action: 'none', reasons: [] }],
  });

const person = (addresses: string[], ...keys: string[]) => ({
  addresses,
  lines: keys.map((key, index) => ({
    line: index + 1,
    addresses,
    key,
    namespaces: null,
    validAfter: null,
    validBefore: null,
  })),
});

export const signature = (key: string | null, digests: readonly string[]) => ({
  file: 'web.plan.json.sig',
  line: 2,
  digests,
  key,
  fingerprint: key,
  stray: null,
});

export const approval = (plan: Plan, change: Partial<ApprovalFacts> = {}): ApprovalFacts => ({
  now: NOW,
  signers: [
    person(['alice@example.net'], KEYS.alice),
    person(['bob@example.net', 'bob@work.example'], KEYS.bob, KEYS.bob2),
    person(['carol@example.net'], 'ssh-ed25519 AAAAcarol'),
  ],
  problems: [],
  signatures: [signature(KEYS.bob, [plan.digest])],
  authors: [{ email: 'alice@example.net', role: 'author', sha: SHA }],
  self: 'no terminal',
  release: null,
  ...change,
});

const clean = { denials: [], exceptions: [], warnings: [], open: [] };

/** Under the lock, everything known, every gate passes. */
export function makeFacts(plan: Plan = makePlan(), change: Partial<GateFacts> = {}): GateFacts {
  return {
    stage: 'under lock',
    plan,
    platform: platform(),
    policy: { ref: 'main', sha: OLD, digest: hex('2') },
    phase: { value: '05', needed: 5, asked: true },
    recreatedBeside: [],
    provenance: {
      approvedSha: null,
      approvedPr: null,
      commitPresent: true,
      inPolicyHistory: true,
      module,
      target: { project: 'core', composeFile: 'core/compose.yaml' },
      manifestDigest: hex('1'),
      files: plan.files.filter((one) => one.source === 'commit'),
      wasProtected: false,
      lastApplied: { sha: OLD, relation: 'descendant' },
    },
    approval: approval(plan),
    paths: { realRoot: '/opt/platform', engineRoot: '/data/docker', outside: [] },
    connection: { transport: 'ssh', user: 'platform-host-agent', hostKey: 'ssh-ed25519 AAAA' },
    compose: { text: clean, resolved: clean },
    identity: plan.observed?.identity ?? null,
    remade: plan,
    status: { serial: 13, spent: [] } as unknown as NonNullable<GateFacts['status']>,
    ...change,
  };
}
