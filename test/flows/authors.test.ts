/** Who counts as an author when an apply judges (G-4), and what the last apply protects (G-8): real git, a host that is made up. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCases } from '../../src/flows/apply-case.js';
import { factsUnderLock } from '../../src/flows/apply-facts.js';
import type { Looked } from '../../src/flows/looks.js';
import type { Plan, Status } from '../../src/manifest/types.js';
import { planBytes } from '../../src/plan/artifact.js';
import type { Host } from '../../src/ports.js';
import { makeRepo, type Repo } from '../adapters/git/repo.js';
import { planFixture, statusFixture } from '../fixtures/plans.js';
import { makeWorld } from '../gate/world.js';

const COMPOSE = `name: im
services:
  server: { image: "im/server:1", ports: ["8080:8080"], environment: { LEVEL: info, CACHE: "cache:6379" } }
  cache: { image: "valkey:8", command: [valkey-server, --save, ""], volumes: ["cache:/data"] }
volumes: { cache: {} }
`;
const module = (composeFile: string, more = '') => `apiVersion: platformctl/v1
kind: Module
metadata: { id: web }
spec:
  host: rs2000
  runtime: { orchestrator: docker-compose, compose_file: ${composeFile}, compose_service: server }
${more}`;
const stack = (services: string) => `apiVersion: platformctl/v1
kind: Stack
metadata: { id: im }
spec:
  host: rs2000
  runtime: { compose_file: modules/im/compose.yaml }
  services: { ${services} }
`;

let repo: Repo;
beforeEach(() => {
  repo = makeRepo();
  repo.write('.gitignore', '*.plan.json\n');
  repo.write(
    '.platform/config.yaml',
    'apiVersion: platformctl/v1\nkind: Platform\nremote_root: /opt/platform\nprotected_ref: main\nhosts:\n  rs2000: { transport: local }\napproval: { mode: signature }\n',
  );
  repo.commit('policy', 'carol@example.net');
});
afterEach(() => repo.remove());

/** What the gates are told of a plan of HEAD on a host that applied `lastApplied` last. */
async function judged(plan: Partial<Plan>, status: Partial<Status>) {
  const sha = repo.git('rev-parse', 'HEAD');
  const made = planFixture({ files: [], changes: [], source_sha: sha, ...plan });
  const file = join(repo.dir, 'x.plan.json');
  writeFileSync(file, planBytes(made));
  const world = makeWorld(repo.dir, { PLATFORMCTL_PHASE: '06' });
  const [open] = await openCases(world, {
    references: [file],
    approvals: [],
    dryRun: false,
    lockWait: 0,
    parallel: 1,
    keepGoing: false,
  });
  const observation = {
    status: statusFixture({ files: [], ...status }),
    engine: { realRoot: '/opt/platform', dataRoot: '/data' },
    files: new Map(),
  };
  const looked = { plan: made, observation, verdicts: { text: null, resolved: null } } as unknown as Looked;
  const host = { describe: () => ({ transport: 'local', user: 'agent', hostKey: null }) } as unknown as Host;
  return (await factsUnderLock(world, open as NonNullable<typeof open>, looked, host, 'no terminal')).gates;
}
const authors = async (...given: Parameters<typeof judged>) =>
  (await judged(...given)).approval.authors?.map(({ email }) => email).sort();

describe('G-4 authors of what was applied last', () => {
  it('P-13 who takes a service out of its stack is the author of its removal', async () => {
    repo.write('modules/im/compose.yaml', COMPOSE);
    repo.write('modules/im/stack.yaml', stack('server: {}, cache: {}'));
    const last_apply_sha = repo.commit('stack', 'bob@example.net');
    repo.write('modules/im/stack.yaml', stack('server: {}'));
    repo.commit('no cache', 'alice@example.net');
    const removal = { kind: 'remove', module: 'im-cache', compose_file: 'modules/im/compose.yaml' } as const;
    expect(await authors(removal, { module: 'im-cache', last_apply_sha })).toEqual(['alice@example.net']);
  });

  it('of a removal whose manifest no commit here tells: whoever wrote a manifest', async () => {
    repo.write('modules/im/stack.yaml', stack('server: {}'));
    repo.write('modules/im/compose.yaml', COMPOSE);
    repo.commit('no cache', 'alice@example.net');
    const removal = { kind: 'remove', module: 'im-cache', compose_file: 'gone/compose.yaml' } as const;
    expect(await authors(removal, { last_apply_sha: 'e'.repeat(40) })).toEqual(['alice@example.net']);
  });

  it('who edited a compose file, a manifest or a file of the module at a place that it had before', async () => {
    const move = (from: string, to: string, who: string, text: string) => {
      repo.git('rm', '-q', from);
      repo.write(to, text);
      repo.commit(`${from} to ${to}`, who);
    };
    repo.write('old/compose.yaml', COMPOSE);
    repo.write('old/app.env', 'A=1\nB=2\nC=3\n');
    repo.write('modules/web/module.yaml', module('old/compose.yaml'));
    const last_apply_sha = repo.commit('web', 'bob@example.net');
    const last = {
      last_apply_sha,
      files: [
        { path: 'old/compose.yaml', source: 'commit', role: 'compose', sha256: null, keyed: null, mode: null },
        { path: 'old/app.env', source: 'commit', role: 'extra', sha256: null, keyed: null, mode: null },
        { path: 'host.env', source: 'host', role: 'extra', sha256: null, keyed: null, mode: null },
      ],
    } as Partial<Status>;
    repo.write('old/app.env', 'A=1\nB=2\nC=4\n');
    repo.commit('env', 'eve@example.net');
    repo.write('old/compose.yaml', COMPOSE.replace('info', 'debug'));
    repo.commit('level', 'alice@example.net');
    move('old/compose.yaml', 'mid/compose.yaml', 'carol@example.net', COMPOSE.replace('info', 'debug'));
    repo.write('mid/compose.yaml', COMPOSE.replace('info', 'trace'));
    repo.commit('level again', 'dan@example.net');
    repo.write('modules/web/module.yaml', module('new/compose.yaml'));
    move('mid/compose.yaml', 'new/compose.yaml', 'carol@example.net', COMPOSE.replace('info', 'trace'));
    repo.write('elsewhere', 'x');
    repo.commit('elsewhere', 'frank@example.net');
    expect(await authors({ compose_file: 'new/compose.yaml' }, last)).toEqual([
      'alice@example.net',
      'carol@example.net',
      'dan@example.net',
      'eve@example.net',
    ]);
  });
});

describe('G-8 what the last apply protects', () => {
  it('the commit that takes `protected` away is told that it was', async () => {
    repo.write('modules/web/compose.yaml', COMPOSE);
    repo.write('modules/web/module.yaml', module('modules/web/compose.yaml', '  protected: true\n'));
    const last_apply_sha = repo.commit('web', 'bob@example.net');
    repo.write('modules/web/module.yaml', module('modules/web/compose.yaml'));
    repo.commit('unprotected', 'alice@example.net');
    const seen = async (sha: string | null) => (await judged({}, { last_apply_sha: sha })).provenance.wasProtected;
    expect(await seen(last_apply_sha)).toBe(true);
    expect(await seen(repo.git('rev-parse', 'HEAD'))).toBe(false);
    expect(await seen('e'.repeat(40)), 'a commit that is not here').toBe(false);
    expect(await seen(null)).toBe(false);
  });
});
