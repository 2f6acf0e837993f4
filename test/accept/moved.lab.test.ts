/** What a commit moves: names, files and folders. A plan says what becomes of it, or refuses what would leave something behind (P-4, P-6, P-13, P-15, M-8). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Planned, type Stage, stage } from './stage.js';

const lab = sharedLab();
const HOST = 'host1';
const ALONE = { ...IDLE, network_mode: 'none' };
const service = (id: string, members: object = {}) => ({ services: { [id]: { ...ALONE, ...members } } });
const IDS = [
  'project',
  'folder',
  'dropped',
  'handed',
  'taken',
  'mounted',
  'named',
  'spelled',
  'stock',
  'guest',
] as const;
type Id = (typeof IDS)[number];

let on: Stage;
let planned: Planned;
const error = (id: Id) => planned.errors.find((one) => one.module === id);
const onHost = (command: string): Promise<string> =>
  on.onHost(HOST, `cd ${on.repo.remoteRoot(HOST)} && mkdir -p modules && cd modules && ${command}`);

beforeAll(async () => {
  on = await stage(lab);
  await on.repo.write('.gitignore', '.platform/state/\n');
  await on.module('project', { compose: service('project') });
  await on.module('folder', { compose: service('folder', { volumes: ['./data:/data'] }) });
  await on.module('dropped', { compose: service('dropped', { environment: { LEVEL: '${LEVEL:-info}' } }) });
  await on.repo.write('modules/dropped/.env', 'LEVEL=debug\nOTHER=1\n');
  await on.module('handed', { compose: service('handed', { env_file: ['app.env'] }) });
  await on.repo.write('modules/handed/app.env', 'VALUE=committed\n');
  await on.module('taken', {
    compose: service('taken', { env_file: ['app.env'] }),
    runtime: { host_files: ['app.env'] },
  });
  await onHost('mkdir -p taken && echo VALUE=theirs >taken/app.env');
  await on.module('mounted', { compose: service('mounted', { volumes: ['./app.conf:/app.conf:ro'] }) });
  await on.repo.write('modules/mounted/app.conf', 'conf');
  await on.module('named', { compose: service('named'), runtime: { project: `${on.repo.id}-kept` } });
  await on.module('guest', { host: 'host2', compose: service('guest') });
  await on.module('spelled', { compose: service('spelled', { env_file: ['.//.env'] }) });
  await on.repo.write('modules/spelled/.env', 'VALUE=one\n');
  await on.module('stock', {
    compose: { ...service('stock', { volumes: ['goods:/goods'] }), volumes: { goods: { name: '${GOODS}' } } },
  });
  await on.repo.write('modules/stock/.env', `GOODS=${on.repo.id}-one\n`);
  await on.repo.publish('As it was');
  const { applied } = await on.ship(...IDS);
  for (const [id, { exit, said }] of applied) expect(exit, `${id}: ${said}`).toBe(9);
  expect((await on.plan(...IDS)).exit).toBe(0);

  await on.module('project', { compose: service('project'), runtime: { project: `${on.repo.id}-other` } });
  await on.module('folder', {
    composeFile: 'modules/elsewhere/compose.yaml',
    compose: service('folder', { volumes: ['./data:/data'] }),
  });
  await on.repo.remove('modules/folder/compose.yaml');
  await on.repo.write('modules/dropped/.env', 'OTHER=1\n');
  await on.repo.remove('modules/handed/app.env');
  await on.module('handed', {
    compose: service('handed', { env_file: ['app.env'] }),
    runtime: { host_files: ['app.env'] },
  });
  await onHost('echo VALUE=theirs >handed/app.env');
  await on.module('taken', { compose: service('taken', { env_file: ['app.env'] }) });
  await on.repo.write('modules/taken/app.env', 'VALUE=committed\n');
  await on.repo.remove('modules/mounted/app.conf');
  await on.repo.remove('modules/named/module.yaml');
  await on.module('renamed', {
    composeFile: 'modules/named/compose.yaml',
    compose: service('named'),
    runtime: { project: `${on.repo.id}-kept`, compose_service: 'named' },
  });
  await on.module('guest', { compose: service('guest') });
  await on.repo.write('modules/spelled/.env', 'VALUE=two\n');
  await on.repo.write('modules/stock/.env', `GOODS=${on.repo.id}-two\n`);
  await on.repo.publish('Moved');
  planned = await on.plan(...IDS.filter((id) => id !== 'named'), 'renamed');
});
afterAll(() => on.dispose());

describe('refused, with what to do by hand', () => {
  it('another project: a second one would be started beside the first: 4', () => {
    expect(error('project')).toMatchObject({ code: 'PCTL-TARGET-MOVED', exitCode: 4 });
    expect(error('project')?.summary).toContain(`${on.repo.id}-other`);
  });

  it('M-8 a host file that the commit would overwrite: 4, and it is as it was', async () => {
    expect(error('taken')).toMatchObject({ code: 'PCTL-HOST-FILE-WRITTEN', exitCode: 4 });
    expect(await onHost('cat taken/app.env')).toBe('VALUE=theirs');
  });

  it('G-8 a volume that another value of its variable makes another one: 4', () => {
    expect(error('stock')).toMatchObject({ code: 'PCTL-VOLUME-CHANGED', why: 'volume_changed', exitCode: 4 });
  });

  it('P-15 a file that is still mounted and no longer in the commit: 7, and it stays', async () => {
    expect(error('mounted')).toMatchObject({ code: 'PCTL-MOUNT-MISSING', exitCode: 7 });
    expect(await onHost('cat mounted/app.conf')).toBe('conf');
  });
});

describe('P-13 a module that moved to another host', () => {
  it('is undeclared on the one that it left, though no other module is there, and its removal is planned there', async () => {
    const { stdout } = await on.repo.platformctl(['plan', '--json']);
    const left = expect.objectContaining({ host: 'host2', module: 'guest', state: 'managed before' });
    expect(JSON.parse(stdout).undeclared).toContainEqual(left);
    expect((await on.repo.platformctl(['status'])).stdout).toMatch(/^guest +host2 .*undeclared/m);
    const removal = await on.plan('guest', '--remove', '--host', 'host2');
    expect([removal.exit, removal.plans.get('guest')?.kind], removal.said).toEqual([1, 'remove']);
  });
});

describe('planned, with its reason, and nothing is left to do once it is applied', () => {
  beforeAll(async () => {
    expect(on.reasons(planned, 'folder')).toEqual(['service definition changed']);
    expect(on.reasons(planned, 'dropped')).toEqual(['env file changed: .env']);
    expect(on.reasons(planned, 'handed')).toEqual(['env file changed: app.env']);
    expect(on.reasons(planned, 'spelled')).toEqual(['env file changed: .env']);
    expect(on.action(planned, 'renamed')).toBe('adopt');
    const { applied } = await on.ship('folder', 'dropped', 'handed', 'renamed', 'spelled');
    for (const [id, { exit, said }] of applied) expect(exit, `${id}: ${said}`).toBe(9);
    expect(applied.size).toBe(5);
    expect((await on.plan('folder', 'dropped', 'handed', 'renamed', 'spelled')).exit).toBe(0);
  });

  it('the compose file in another folder: the container mounts what is beneath that', async () => {
    const container = await on.container(on.project('folder'), 'folder');
    expect(await lab.docker('inspect', '--format', '{{(index .Mounts 0).Source}}', container)).toBe(
      `${on.repo.remoteRoot(HOST)}/modules/elsewhere/data`,
    );
  });

  it('a variable that the .env no longer has', async () => {
    expect(await on.inside('dropped', 'sh', '-c', 'echo $LEVEL')).toBe('info');
  });

  it('P-6 an .env that is named in another spelling', async () => {
    expect(await on.inside('spelled', 'sh', '-c', 'echo $VALUE')).toBe('two');
  });

  it('an env file that left the commit for the host', async () => {
    expect(await on.inside('handed', 'sh', '-c', 'echo $VALUE')).toBe('theirs');
    await onHost('echo VALUE=later >handed/app.env');
    expect(on.reasons(await on.plan('handed'), 'handed')).toEqual(['env file changed: app.env']);
  });

  it("P-13 a module with another id: the old one's removal does not take its service away: 4", async () => {
    const container = await on.container(on.project('renamed'), 'named');
    const { exit, errors } = await on.plan('named', '--remove');
    expect(exit).toBe(4);
    expect(errors).toMatchObject([{ code: 'PCTL-REMOVE-SHARED' }]);
    expect(await on.container(on.project('renamed'), 'named')).toBe(container);
  });
});
