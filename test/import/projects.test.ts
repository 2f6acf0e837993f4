/** What labels say is believed only as far as it can be (import; G-5, M-4). */
import { describe, expect, it } from 'vitest';
import type { ComposeContainer } from '../../src/execute/import.js';
import { isDatabase } from '../../src/flows/import-drafts.js';
import { projectsOf, repoFlaw } from '../../src/flows/import-projects.js';
import { hostConfig } from '../doctor/parts.js';

const roots = { host: hostConfig({ remoteRoot: '/opt/stacks', repoRoot: 'hosts/box' }), realRoot: '/mnt/ssd/stacks' };

function container(labels: Partial<ComposeContainer> = {}): ComposeContainer {
  const configFiles = labels.configFiles ?? '/opt/stacks/web/compose.yaml';
  return {
    id: 'a'.repeat(64),
    project: 'web',
    service: 'web',
    configFiles,
    workingDir: configFiles.slice(0, configFiles.lastIndexOf('/')),
    environmentFile: '',
    state: 'running',
    exitCode: 0,
    image: 'x:1',
    ...labels,
  };
}

/** A repo without modules. */
const none = () => null;

const obstacle = (...containers: ComposeContainer[]): string | undefined =>
  projectsOf(containers, roots, none).impossible[0]?.why;

describe('projects of a host', () => {
  it('services of a project, with the compose file beneath remote_root, also where a link leads there', () => {
    const { found, impossible } = projectsOf(
      [
        container({ service: 'db', image: 'postgres:16' }),
        container({ service: 'migrate', state: 'exited' }),
        container({ service: 'gone', state: 'exited', exitCode: 1 }),
        container({
          project: 'a',
          configFiles: '/mnt/ssd/stacks/a/deep/c.yml',
          environmentFile: '/mnt/ssd/stacks/a/deep/.env',
        }),
      ],
      roots,
      none,
    );
    expect(impossible).toEqual([]);
    expect(found).toEqual([
      {
        project: 'a',
        composeFile: 'a/deep/c.yml',
        services: [{ name: 'web', image: 'x:1', ended: false, managed: false }],
      },
      {
        project: 'web',
        composeFile: 'web/compose.yaml',
        services: [
          { name: 'db', image: 'postgres:16', ended: false, managed: false },
          { name: 'gone', image: 'x:1', ended: false, managed: false },
          { name: 'migrate', image: 'x:1', ended: true, managed: false },
        ],
      },
    ]);
  });

  it.each([
    ['several files', { configFiles: '/opt/stacks/web/a.yaml,/opt/stacks/web/b.yaml' }, /several compose files/],
    ['none', { configFiles: '' }, /no label says/],
    ['stdin', { configFiles: '-' }, /no label says/],
    ['elsewhere', { configFiles: '/home/bob/web/compose.yaml' }, /not beneath remote_root/],
    ['a neighbour of the root', { configFiles: '/opt/stacks2/compose.yaml' }, /not beneath remote_root/],
    ['the root itself', { configFiles: '/opt/stacks' }, /not beneath remote_root/],
    ['upwards', { configFiles: '/opt/stacks/../../etc/compose.yaml' }, /not beneath remote_root/],
    ['upwards within', { configFiles: '/opt/stacks/a/../web/compose.yaml' }, /not beneath remote_root/],
    [
      'of an old docker-compose',
      { configFiles: 'docker-compose.yml', workingDir: '/opt/stacks/web' },
      /old docker-compose/,
    ],
    ['a line break', { configFiles: '/opt/stacks/a\nread ../x' }, /not beneath remote_root/],
    ['git', { configFiles: '/opt/stacks/.git/hooks/pre-commit' }, /keeps for itself/],
    ['git, otherwise written', { configFiles: '/opt/stacks/x/.GitHub/workflows/x.yaml' }, /keeps for itself/],
    ['our state', { configFiles: '/opt/stacks/.platform/state/x' }, /keeps for itself/],
    ['a variable', { configFiles: '/opt/stacks/$HOME/x' }, /holds a \$/],
    ['an option', { configFiles: '/opt/stacks/-x/y' }, /begins with -/],
    ['another project directory', { workingDir: '/opt/stacks' }, /--project-directory/],
    ['another env file', { environmentFile: '/opt/stacks/prod.env' }, /--env-file/],
    ['a name that is none', { project: 'We B' }, /none that compose takes/],
  ])('%s: cannot', (_, labels, why) => {
    expect(obstacle(container(labels))).toMatch(why);
  });

  const RUN = '.platform/runs/0193a1c2-7e02-7abc-8def-0123456789ab/go';
  const RELEASE = `.platform/releases/web/${'a'.repeat(64)}/tree`;
  it.each([
    ['a roll back left it', '/opt/stacks', ['web/compose.yaml', `${RUN}/override.json`]],
    ['a rollback made it', '/opt/stacks', ['web/compose.yaml', `${RUN}/image.json`]],
    ['where remote_root is a link', '/mnt/ssd/stacks', ['web/compose.yaml', `${RUN}/image.json`]],
    ['of a kept release', '/opt/stacks', [`${RELEASE}/web/compose.yaml`, `${RUN}/override.json`]],
  ])('%s: it is managed, and stops no neighbour', (_, root, files) => {
    const workingDir = `${root}/web`;
    const ours = container({ workingDir, configFiles: files.map((file) => `${root}/${file}`).join(',') });
    // As an apply makes a service without a .env.
    const plain = { workingDir, configFiles: `${root}/web/compose.yaml`, environmentFile: '/dev/null' };
    const { found, impossible } = projectsOf([ours, container({ service: 'db', ...plain })], roots, none);
    expect(impossible).toEqual([]);
    expect(found[0]?.composeFile).toBe('web/compose.yaml');
    expect(found[0]?.services.map(({ name, managed }) => [name, managed])).toEqual([
      ['db', false],
      ['web', true],
    ]);
  });

  it('P-13 a service has ended where every container of it has', () => {
    const ended = (...states: [string, number][]) =>
      projectsOf(
        states.map(([state, exitCode]) => container({ state, exitCode })),
        roots,
        none,
      ).found[0]?.services[0]?.ended;
    expect(ended(['exited', 0], ['exited', 0])).toBe(true);
    expect(ended(['running', 0], ['exited', 0])).toBe(false);
    expect(ended(['exited', 0], ['exited', 1])).toBe(false);
  });

  it('containers that do not agree: cannot', () => {
    expect(obstacle(container(), container({ service: 'db', configFiles: '/opt/stacks/web/old.yaml' }))).toMatch(
      /different compose files/,
    );
  });

  it("M-11 services that the repo has stand in nobody's way, and nothing stands in theirs", () => {
    const made = (service: string, file: string) =>
      container({ project: 'core', service, configFiles: `/opt/stacks/core/${file}` });
    const modules = new Map([
      ['core a core/a.yaml', 'a'],
      ['core b core/b.yaml', 'b'],
    ]);
    const { found, impossible, declared } = projectsOf(
      [made('a', 'a.yaml'), made('b', 'b.yaml'), made('c', 'c.yaml')],
      roots,
      (project, service, file) => modules.get(`${project} ${service} ${file}`) ?? null,
    );
    expect(impossible).toEqual([]);
    expect(declared).toEqual([
      { project: 'core', service: 'a', module: 'a', managed: false },
      { project: 'core', service: 'b', module: 'b', managed: false },
    ]);
    expect(found.map(({ composeFile, services }) => [composeFile, services.map(({ name }) => name)])).toEqual([
      ['core/c.yaml', ['c']],
    ]);
  });

  it('without a repo_root nothing of a host becomes part of how the repo works', () => {
    const flat = { name: 'box', repoRoot: '' };
    for (const path of [
      'modules/web/module.yaml',
      'Modules/x/module.yaml',
      'SCHEMAS/x',
      'schemas/x',
      'actions/x',
      '.ci/run',
      '.env',
    ])
      expect([path, repoFlaw(path, flat)]).toEqual([path, expect.stringContaining('repo_root')]);
    expect(repoFlaw('web/compose.yaml', flat)).toBeNull();
    expect(repoFlaw('modules/web/compose.yaml', roots.host)).toBeNull();
  });
});

describe('M-9 databases are protected, by the name of their image', () => {
  it.each([
    'postgres:16',
    'postgres',
    'registry.example.net:5000/library/Postgres:16-alpine',
    'ghcr.example/immich-app/postgres:14-vectorchord0.4@sha256:abc',
    'tensorchord/pgvecto-rs:pg14',
    'mariadb:11',
    'mysql/mysql-server',
    'mongo:7',
    'x/mssql/server:2022-latest',
    'influxdb:2.7',
  ])('%s', (image) => expect(isDatabase(image)).toBe(true));
  it.each([
    'redis:7',
    'valkey/valkey:8',
    'prometheuscommunity/postgres-exporter:v0.15',
    'mongo-express:1',
    'dpage/pgadmin4',
    'postgres.example.net/web:1',
    'nginx',
    '',
  ])('not %s', (image) => expect(isDatabase(image)).toBe(false));
});
