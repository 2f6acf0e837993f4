import { describe, expect, it } from 'vitest';
import { parseCompose } from '../../src/compose/file.js';
import type { ComposeFile } from '../../src/compose/model.js';
import type { ServiceModule } from '../../src/manifest/model.js';
import { changesOf, type Desired } from '../../src/plan/changes.js';
import type { FileSeen, Observation } from '../../src/plan/observation.js';
import { containerFixture, observationFixture, planFixture, statusFixture } from '../fixtures/plans.js';

const hex = (letter: string): string => letter.repeat(64);

function compose(text: string): ComposeFile {
  const parsed = parseCompose(new TextEncoder().encode(text), 'core/compose.yaml');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.file;
}

const NOW = compose('services:\n  web:\n    image: lab/busybox:1\n    env_file: app.env\n');
const module: ServiceModule = {
  id: 'web',
  manifestPath: 'modules/web/module.yaml',
  stack: null,
  description: '',
  owner: '',
  host: 'rs2000',
  composeFile: 'core/compose.yaml',
  service: 'web',
  project: null,
  delivery: 'push',
  ownDelivery: null,
  files: [],
  hostFiles: [],
  smoke: { timeoutSeconds: 120, stableSeconds: null, http: null, exits: null },
  dependsOn: [],
  protected: false,
};
const desired = (members: Partial<Desired> = {}): Desired => ({
  module,
  compose: NOW,
  files: planFixture().files,
  usesDotenv: false,
  imageReference: 'lab/busybox:1',
  inCommit: () => false,
  ...members,
});
const seen = (path: string, members: Partial<FileSeen>): Observation['files'] =>
  new Map([
    ...observationFixture().files,
    [path, { kind: 'file', mode: '0644', uid: 1000, digest: hex('0'), keyed: null, ...members }],
  ]);

function reasons(
  want: Partial<Desired>,
  observation: Partial<Observation>,
): { action: string; reasons: readonly string[]; recreates: boolean; force: boolean; targets: string[] } {
  const result = changesOf(desired(want), observationFixture(observation));
  const [service, ...rest] = result.changes;
  return {
    action: service?.action ?? '',
    reasons: service?.reasons ?? [],
    recreates: result.recreates,
    force: result.forceRecreate,
    targets: rest.map((change) => `${change.action} ${change.target}`),
  };
}

const mounted = planFixture().files.map((file) =>
  file.path === 'core/app.env' ? { ...file, role: 'mount' as const } : file,
);
const hostDotenv = {
  path: 'core/.env',
  source: 'host' as const,
  role: 'dotenv' as const,
  blob: null,
  sha256: null,
  keyed: hex('1'),
  mode: null,
};
const withConfig = (definition: string): string =>
  `services:\n  web:\n    image: lab/busybox:1\n    configs: [app]\nconfigs:\n  app: { ${definition} }\n`;
const status = (members: Parameters<typeof statusFixture>[0]) => ({ status: statusFixture(members) });

describe('P-4 each single change gives exactly its reason', () => {
  it('as the last apply left it: nothing', () => {
    expect(reasons({}, {})).toEqual({ action: 'none', reasons: [], recreates: false, force: false, targets: [] });
  });

  const table: [string, Partial<Desired>, Partial<Observation>, ReturnType<typeof reasons>][] = [
    [
      'env file changed in the commit',
      {},
      {
        ...status({
          files: statusFixture().files.map((file) => (file.role === 'env_file' ? { ...file, sha256: hex('0') } : file)),
        }),
        files: seen('core/app.env', {}),
        delivered: new Map([['core/app.env', new Set([hex('0')])]]),
      },
      {
        action: 'update',
        reasons: ['env file changed: app.env'],
        recreates: true,
        force: false,
        targets: ['update file.core/app.env'],
      },
    ],
    [
      'mounted file changed in the commit: compose does not see it',
      { files: mounted },
      {
        ...status({
          files: statusFixture().files.map((file) => (file.role === 'env_file' ? { ...file, sha256: hex('0') } : file)),
        }),
        files: seen('core/app.env', {}),
        delivered: new Map([['core/app.env', new Set([hex('0')])]]),
      },
      {
        action: 'update',
        reasons: ['mounted file changed: app.env'],
        recreates: true,
        force: true,
        targets: ['update file.core/app.env'],
      },
    ],
    [
      'mounted file swapped already by a neighbour that shares it',
      { files: mounted },
      {
        ...status({
          files: statusFixture().files.map((file) => (file.role === 'env_file' ? { ...file, sha256: hex('0') } : file)),
        }),
      },
      { action: 'update', reasons: ['mounted file changed: app.env'], recreates: true, force: true, targets: [] },
    ],
    [
      'somebody edited a file on the host',
      {},
      { files: seen('core/app.env', {}) },
      {
        action: 'update',
        reasons: ['file on host differs: app.env'],
        recreates: true,
        force: false,
        targets: ['update file.core/app.env'],
      },
    ],
    [
      'somebody edited the compose file on the host',
      {},
      { files: seen('core/compose.yaml', {}) },
      {
        action: 'update',
        reasons: ['file on host differs: compose.yaml'],
        recreates: true,
        force: false,
        targets: ['update file.core/compose.yaml'],
      },
    ],
    [
      'a neighbour brought a newer compose file: its bytes alone are no reason (P-6)',
      {},
      { files: seen('core/compose.yaml', {}), delivered: new Map([['core/compose.yaml', new Set([hex('0')])]]) },
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
    [
      'image moved',
      {},
      { imageId: `sha256:${hex('f')}` },
      { action: 'update', reasons: ['image moved: same tag, new image'], recreates: true, force: false, targets: [] },
    ],
    [
      'stopped',
      {},
      { containers: [containerFixture({ state: 'exited' })] },
      { action: 'start', reasons: ['not running'], recreates: false, force: false, targets: [] },
    ],
    [
      'gone',
      {},
      { containers: [] },
      { action: 'create', reasons: ['not running'], recreates: false, force: false, targets: [] },
    ],
    [
      'unhealthy',
      {},
      { containers: [containerFixture({ health: 'unhealthy' })] },
      { action: 'update', reasons: ['unhealthy'], recreates: true, force: true, targets: [] },
    ],
    [
      'restart loop',
      {},
      { containers: [containerFixture({ state: 'restarting', health: null })] },
      { action: 'update', reasons: ['restart loop'], recreates: true, force: true, targets: [] },
    ],
    [
      'made again by hand, the same: up keeps it',
      {},
      { containers: [containerFixture({ id: hex('1') })] },
      { action: 'update', reasons: ['recreated outside platformctl'], recreates: false, force: false, targets: [] },
    ],
    [
      'made again by hand, otherwise',
      {},
      { containers: [containerFixture({ id: hex('1'), configHash: hex('2') })] },
      { action: 'update', reasons: ['recreated outside platformctl'], recreates: true, force: false, targets: [] },
    ],
    [
      'the container in whose network it lives was recreated (P-14)',
      {},
      { containers: [containerFixture({ networkMode: `container:${hex('c')}` })], projectContainers: [] },
      { action: 'update', reasons: ['lost its network namespace'], recreates: true, force: false, targets: [] },
    ],
    [
      'it lives in the network of a container of another project, by an exception',
      {},
      {
        containers: [containerFixture({ networkMode: `container:${hex('c')}` })],
        projectContainers: [],
        resolved: { service: { network_mode: 'container:vpn' } },
      },
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
    [
      'the container in whose network it lives is there',
      {},
      {
        containers: [containerFixture({ networkMode: `container:${hex('c')}` })],
        projectContainers: [containerFixture({ id: hex('c') })],
      },
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
    [
      'the container in whose network it lives is recreated by a plan of the same call (P-14)',
      { landlords: ['vpn'] },
      {
        containers: [containerFixture({ networkMode: `container:${hex('c')}` })],
        projectContainers: [containerFixture({ id: hex('c') })],
      },
      {
        action: 'update',
        reasons: ['lives in a namespace of vpn, which is recreated'],
        recreates: true,
        force: false,
        targets: [],
      },
    ],
    [
      'it has lost the network already, and what it lost it to is recreated (P-14)',
      { landlords: ['vpn'] },
      { containers: [containerFixture({ networkMode: `container:${hex('c')}` })], projectContainers: [] },
      { action: 'update', reasons: ['lost its network namespace'], recreates: true, force: false, targets: [] },
    ],
    [
      'definition changed, keys by name only',
      {
        compose: compose(
          'services:\n  web:\n    image: lab/busybox:2\n    env_file: app.env\n    environment: {LOG_LEVEL: debug}\n',
        ),
        imageReference: 'lab/busybox:2',
      },
      { hashBefore: hex('1'), composeBefore: NOW },
      {
        action: 'update',
        reasons: ['service definition changed: environment.LOG_LEVEL, image'],
        recreates: true,
        force: false,
        targets: [],
      },
    ],
    [
      'the content of a config in the compose file: in no hash of compose',
      { compose: compose(withConfig('content: two')) },
      { hashBefore: hex('a'), hashNow: hex('a'), composeBefore: compose(withConfig('content: one')) },
      {
        action: 'update',
        reasons: ['service definition changed: configs.app'],
        recreates: true,
        force: true,
        targets: [],
      },
    ],
    [
      'the same file of a config, written otherwise',
      { compose: compose(withConfig('file: app.conf')) },
      { hashBefore: hex('a'), hashNow: hex('a'), composeBefore: compose(withConfig('file: ./app.conf')) },
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
    [
      'a file that the definition came to name: the definition is the reason',
      { files: [...planFixture().files, { ...(mounted[0] as (typeof mounted)[number]), path: 'core/new.conf' }] },
      { hashBefore: hex('1') },
      {
        action: 'update',
        reasons: ['service definition changed'],
        recreates: true,
        force: true,
        targets: ['create file.core/new.conf'],
      },
    ],
    [
      'a file that came into a mounted folder',
      { files: [...planFixture().files, { ...(mounted[0] as (typeof mounted)[number]), path: 'core/conf/new' }] },
      {},
      {
        action: 'update',
        reasons: ['mounted file changed: conf/new'],
        recreates: true,
        force: true,
        targets: ['create file.core/conf/new'],
      },
    ],
    [
      'an .env that the host had, and that is listed now',
      { files: [...planFixture().files, hostDotenv], usesDotenv: true },
      {},
      { action: 'update', reasons: ['env file changed: .env'], recreates: true, force: false, targets: [] },
    ],
    [
      'an .env of the host that is listed no more: what it gave is gone',
      {},
      { ...status({ files: [...statusFixture().files, hostDotenv] }), hashNow: hex('1') },
      { action: 'update', reasons: ['env file changed: .env'], recreates: true, force: false, targets: [] },
    ],
    [
      'an .env of the host that is listed no more, and gave this service nothing',
      {},
      status({ files: [...statusFixture().files, hostDotenv] }),
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
    [
      'an .env of the host that is listed no more, and that the service still names as one that may be missing',
      { usesDotenv: true },
      status({ files: [...statusFixture().files, hostDotenv] }),
      { action: 'update', reasons: ['env file changed: .env'], recreates: true, force: false, targets: [] },
    ],
    [
      'an interrupted run left its intent',
      {},
      status({
        intent: { run_id: 'r', sha: 'a'.repeat(40), plan_digest: hex('1'), serial: 5, since: '2026-11-24T12:00:00Z' },
      }),
      { action: 'update', reasons: ['left behind by an interrupted run'], recreates: true, force: true, targets: [] },
    ],
    [
      'a file that the commit no longer has (P-15)',
      {},
      {
        ...status({
          files: [
            ...statusFixture().files,
            {
              path: 'core/old.conf',
              source: 'commit',
              role: 'mount',
              sha256: hex('e'),
              keyed: null,
              mode: '0644',
              delivered: true,
            },
          ],
        }),
        files: seen('core/old.conf', { digest: hex('e') }),
      },
      {
        action: 'update',
        reasons: ['file removed: old.conf'],
        recreates: false,
        force: false,
        targets: ['remove file.core/old.conf'],
      },
    ],
    [
      'a file that the commit no longer has, and that platformctl never put there (P-15)',
      {},
      {
        ...status({
          files: [
            ...statusFixture().files,
            {
              path: 'core/old.conf',
              source: 'commit',
              role: 'mount',
              sha256: hex('e'),
              keyed: null,
              mode: '0644',
              delivered: false,
            },
          ],
        }),
        files: seen('core/old.conf', { digest: hex('e') }),
      },
      { action: 'none', reasons: [], recreates: false, force: false, targets: [] },
    ],
  ];
  it.each(table)('%s', (_name, want, observation, expected) => {
    expect(reasons(want, observation)).toEqual(expected);
  });

  it('a job that ended with its code is as it should be, with another it is not running', () => {
    const job = { ...module, smoke: { ...module.smoke, exits: 0 } };
    expect(
      reasons({ module: job }, { containers: [containerFixture({ state: 'exited', exitCode: 0, health: null })] })
        .action,
    ).toBe('none');
    expect(
      reasons({ module: job }, { containers: [containerFixture({ state: 'exited', exitCode: 3, health: null })] })
        .reasons,
    ).toEqual(['not running']);
  });

  it('a file that moved between the commit and host_files is another file', () => {
    const files = planFixture().files.map((file) =>
      file.role === 'env_file'
        ? { ...file, source: 'host' as const, sha256: null, blob: null, mode: null, keyed: hex('1') }
        : file,
    );
    expect(reasons({ files }, {})).toMatchObject({ action: 'update', reasons: ['env file changed: app.env'] });
  });

  it('G-8 after an upgrade of compose, `up` for whatever reason makes a new container', () => {
    const stopped = { containers: [containerFixture({ state: 'exited', exitCode: 0, health: null })] };
    expect(reasons({}, stopped)).toMatchObject({ action: 'start', recreates: false });
    const older = status({ compose_version: '2.20.0' });
    expect(reasons({}, { ...stopped, ...older })).toMatchObject({ action: 'start', recreates: true });
    expect(reasons({}, older)).toMatchObject({ action: 'none', recreates: false });
  });

  it('a host file is compared by its keyed digest', () => {
    const files = planFixture().files.map((file) =>
      file.role === 'env_file'
        ? { ...file, source: 'host' as const, sha256: null, blob: null, mode: null, keyed: hex('1') }
        : file,
    );
    const last = (keyed: string) =>
      status({
        files: statusFixture().files.map((file) =>
          file.role === 'env_file' ? { ...file, source: 'host' as const, sha256: null, keyed } : file,
        ),
      });
    expect(reasons({ files }, last(hex('1'))).reasons).toEqual([]);
    expect(reasons({ files }, last(hex('2')))).toMatchObject({ reasons: ['env file changed: app.env'], targets: [] });
  });
});

describe('P-13 adoption', () => {
  it('same files, same label, same image: adopt, and nothing else', () => {
    expect(reasons({}, { status: null, labelHash: hex('a') })).toEqual({
      action: 'adopt',
      reasons: ['not yet managed'],
      recreates: false,
      force: false,
      targets: [],
    });
  });
  it('another label: update, first reason not yet managed', () => {
    const result = reasons({}, { status: null, labelHash: hex('b') });
    expect(result).toMatchObject({ action: 'update', recreates: true });
    expect(result.reasons[0]).toBe('not yet managed');
  });
  it('another file: update', () => {
    expect(
      reasons({}, { status: null, labelHash: hex('a'), files: seen('core/app.env', {}), delivered: new Map() }).reasons,
    ).toEqual(['not yet managed', 'file on host differs: app.env']);
  });
  it('nothing there: create', () => {
    expect(reasons({}, { status: null, containers: [], files: new Map() })).toMatchObject({
      action: 'create',
      reasons: ['not there yet'],
      targets: ['create file.core/app.env', 'create file.core/compose.yaml'],
    });
  });
});
