/** `plan ID --remove` (P-13): the container goes, data, host files and what others need stay. Real sshd, real engine. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Plan } from '../../src/manifest/types.js';
import { changeDigest, planBytes, planDigest } from '../../src/plan/artifact.js';
import { apply, containers, document, statusOf, WEB } from '../faults/scene.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

const there = (path: string): Promise<boolean> =>
  stat(`${on.repo.remoteRoot()}/${path}`).then(
    () => true,
    () => false,
  );
const target = (plan: Plan | undefined): string[] =>
  (plan?.changes ?? []).map((change) => `${change.action} ${change.target}: ${change.reasons.join('; ')}`);

async function ship(...ids: string[]): Promise<void> {
  await on.repo.publish(ids.join(' '));
  for (const id of ids) {
    const { planned, applied } = await on.ship(id);
    expect(applied.get(id)?.exit, planned.said + applied.get(id)?.said).toBe(9);
  }
}

describe('P-13 a module that the commit declares', () => {
  let planned: Awaited<ReturnType<Stage['plan']>>;
  beforeAll(async () => {
    const root = on.repo.remoteRoot();
    await on.repo.write('modules/web/www/index.html', 'hello');
    await on.module('web', {
      compose: {
        services: { web: { ...WEB, volumes: ['./www:/www:ro', 'data:/data', './spool:/spool'], env_file: 'x.env' } },
        volumes: { data: {} },
      },
      runtime: { host_files: ['x.env'] },
    });
    await on.onHost(lab.host().name, `mkdir -p ${root}/modules/web && echo A=1 >${root}/modules/web/x.env`);
    await ship('web');
    await on.inside('web', 'sh', '-c', 'echo precious >/data/file');
    planned = await on.plan('web', '--remove');
  });

  it('is planned as destructive, and names what stays', () => {
    expect(planned.exit, planned.said).toBe(1);
    const plan = planned.plans.get('web');
    expect(plan).toMatchObject({ kind: 'remove', files: [], destructive: ['web is removed'] });
    expect(target(plan)).toEqual([
      'remove compose.service.web: asked for',
      'none file.modules/web/compose.yaml: kept: the commit has it',
      'none file.modules/web/www/index.html: kept: the commit has it',
      'none file.modules/web/x.env: kept: host file',
    ]);
    expect(plan?.warnings).toEqual([
      `kept on host1: data in modules/web/spool, volume ${on.project('web')}_data, compose.yaml (the commit has it), www/index.html (the commit has it), x.env (host file)`,
    ]);
  });

  it('G-8 needs an approval that names it', async () => {
    const refused = await apply(on, 'web');
    expect(refused.exit, refused.said).toBe(5);
    expect(refused.said).toContain('PCTL-DESTRUCTIVE');
    expect(await containers(on, 'web')).toHaveLength(1);
    const dry = await on.repo.platformctl(['apply', 'web', '--dry-run']);
    expect(dry.exit).toBe(5);
  });

  it('9 once approved: no container, its data and files stay, the record says removed', async () => {
    await on.approve('web');
    const dry = await on.repo.platformctl(['apply', 'web', '--dry-run']);
    expect([dry.exit, dry.stdout]).toEqual([1, expect.stringContaining('would stop and remove the container of web')]);
    const before = await document(on, 'web');
    const done = await apply(on, 'web');
    expect(done.exit, done.said).toBe(9);
    expect(done.result).toMatchObject({ outcome: 'removed', changed: true });
    expect(done.result?.notes.join('\n')).toContain(`volume ${on.project('web')}_data`);
    expect(await containers(on, 'web')).toEqual([]);
    expect(await lab.docker('volume', 'ls', '-q', '--filter', `name=${on.project('web')}_data`)).not.toBe('');
    for (const file of ['compose.yaml', 'www/index.html', 'x.env', 'spool'])
      expect(await there(`modules/web/${file}`), file).toBe(true);
    expect(await document(on, 'web')).toMatchObject({
      outcome: 'removed',
      kind: 'remove',
      plan_digest: null,
      container_id: null,
      intent: null,
      serial: (before?.serial ?? 0) + 1,
      previous: [{ plan_digest: before?.plan_digest }],
    });
    expect((await apply(on, 'web')).exit, 'spent').toBe(8);
    const { row } = await statusOf(on, 'web');
    expect(row).toMatchObject({ outcome: 'removed', condition: 'absent' });
    expect((await on.repo.platformctl(['audit', 'verify', '--host', 'host1'])).exit).toBe(0);
  });

  it('then it is as one that was never applied: nothing to remove, and create', async () => {
    const again = await on.repo.platformctl(['plan', 'web', '--remove']);
    expect(again.exit).toBe(0);
    expect(again.stdout).toContain('nothing of web is applied on host1: there is nothing to remove');
    const { stdout } = await on.repo.platformctl(['status', 'web']);
    expect(stdout).toMatch(/^web +host1 +removed +- /m);
    const plan = await on.plan('web');
    expect([plan.exit, on.action(plan, 'web'), on.reasons(plan, 'web')]).toEqual([1, 'create', ['not there yet']]);
  });

  it('B-2 rollback brings it back with its data, but not without an approval of its own', async () => {
    const env = { PLATFORMCTL_PHASE: '06' };
    const refused = await on.repo.platformctl(['rollback', 'web'], { env });
    expect(refused.exit, refused.stdout).toBe(5);
    await on.approve('web');
    const done = await on.repo.platformctl(['rollback', 'web'], { env });
    expect(done.exit, done.stdout + done.stderr).toBe(9);
    expect(await on.inside('web', 'cat', '/data/file')).toBe('precious');
  });
});

describe('P-13 a module that the commit declares no more', () => {
  const shared = 'shared/compose.yaml';
  beforeAll(async () => {
    const project = `${on.repo.id}-pair`;
    await on.repo.write(
      shared,
      stringify({
        services: {
          left: { ...IDLE, volumes: ['./common.conf:/c:ro', './left.conf:/l:ro'] },
          right: { ...IDLE, volumes: ['./common.conf:/c:ro'] },
        },
      }),
    );
    for (const name of ['common', 'left']) await on.repo.write(`shared/${name}.conf`, name);
    for (const id of ['left', 'right'])
      await on.module(id, {
        composeFile: shared,
        runtime: { project },
        ...(id === 'right' ? { spec: { depends_on: ['left'] } } : {}),
      });
    await ship('left', 'right');
    await on.repo.remove('modules/left');
    await on.repo.remove('shared/left.conf');
    await on.repo.write(shared, stringify({ services: { right: { ...IDLE, volumes: ['./common.conf:/c:ro'] } } }));
    await on.module('right', { composeFile: shared, runtime: { project } });
    await on.repo.publish('left is no more');
  });

  it('is listed as undeclared by plan and status, and never touched', async () => {
    const { stdout } = await on.repo.platformctl(['plan', 'right', '--json']);
    expect(JSON.parse(stdout).undeclared).toEqual([expect.objectContaining({ module: 'left', host: 'host1' })]);
    expect((await on.repo.platformctl(['status'])).stdout).toMatch(/^left +host1 .*undeclared/m);
    expect((await on.repo.platformctl(['plan', 'left'])).exit).toBe(3);
  });

  it('can be removed: its own file goes with it, what others have stays, and so does the neighbour', async () => {
    const right = await on.container(`${on.repo.id}-pair`, 'right');
    // P-9 what cannot be planned hides nothing of what can.
    const planned = await on.plan('left', 'nobody', '--remove');
    expect(planned.exit, planned.said).toBe(3);
    expect(planned.errors).toMatchObject([{ code: 'PCTL-MODULE-UNKNOWN', module: 'nobody' }]);
    expect(target(planned.plans.get('left'))).toEqual([
      'remove compose.service.left: asked for',
      'none file.shared/common.conf: kept: another module has it too',
      'none file.shared/compose.yaml: kept: another module has it too',
      'remove file.shared/left.conf: delivered by platformctl for this module alone',
    ]);
    await on.approve('left');
    const done = await apply(on, 'left');
    expect(done.exit, done.said).toBe(9);
    expect(done.result?.outcome).toBe('removed');
    expect([await there('shared/left.conf'), await there('shared/common.conf'), await there(shared)]).toEqual([
      false,
      true,
      true,
    ]);
    expect(await on.container(`${on.repo.id}-pair`, 'right')).toBe(right);
  });

  it('then it is listed nowhere', async () => {
    const { stdout } = await on.repo.platformctl(['plan', 'right', '--json']);
    expect(JSON.parse(stdout).undeclared).toEqual([]);
    expect((await on.repo.platformctl(['status'])).stdout).not.toContain('left');
    expect((await on.repo.platformctl(['plan', 'left', '--remove'])).exit).toBe(0);
    const unknown = await on.plan('nobody', '--remove');
    expect(unknown).toMatchObject({ exit: 3, errors: [{ code: 'PCTL-MODULE-UNKNOWN' }] });
  });
});

describe('P-15 a module that was adopted', () => {
  it('loses its container, and none of the files that were made by hand', async () => {
    const root = on.repo.remoteRoot();
    const project = `${on.repo.id}-old`;
    const compose = stringify({ services: { old: { ...IDLE, volumes: ['./conf:/conf:ro'] } } });
    await on.module('old', { composeFile: 'byhand/compose.yaml', runtime: { project } });
    await on.repo.write('byhand/compose.yaml', compose);
    await on.repo.write('byhand/conf/a.conf', 'by hand');
    const host = lab.host().name;
    await on.onHost(host, `umask 022; mkdir -p ${root}/byhand/conf; printf %s 'by hand' >${root}/byhand/conf/a.conf`);
    await on.onHost(host, `umask 022; cat >${root}/byhand/compose.yaml`, compose);
    await on.onHost(host, `cd ${root}/byhand && docker compose -p ${project} up -d`);
    await ship('old');
    expect((await document(on, 'old'))?.files).toMatchObject([{ delivered: false }, { delivered: false }]);
    await on.repo.remove('modules/old');
    await on.repo.remove('byhand');
    await on.repo.publish('old goes');
    const planned = await on.plan('old', '--remove');
    expect(planned.exit, planned.said).toBe(1);
    await on.approve('old');
    const done = await apply(on, 'old');
    expect(done.exit, done.said).toBe(9);
    expect(await containers(on, 'old')).toEqual([]);
    for (const file of ['compose.yaml', 'conf/a.conf']) expect(await there(`byhand/${file}`), file).toBe(true);
  });
});

describe('P-13 what is not what it says', () => {
  const file = () => join(on.repo.dir, '..', 'forged.plan.json');
  async function forged(members: (plan: Plan) => Partial<Plan>): Promise<{ exit: number | null; stdout: string }> {
    await on.repo.platformctl(['plan', 'victim', '--remove', '--out', file()]);
    const { digest: _, change_digest: __, ...plan } = JSON.parse(await readFile(file(), 'utf8')) as Plan;
    const other = { ...plan, ...members(plan as Plan) };
    const whole = { ...other, change_digest: changeDigest(other) };
    await writeFile(file(), planBytes({ ...whole, digest: planDigest(whole) }));
    await on.approve(file());
    return on.repo.platformctl(['apply', file(), '--json'], { env: { PLATFORMCTL_PHASE: '05' } });
  }
  beforeAll(async () => {
    for (const id of ['victim', 'bystander']) await on.module(id, { compose: { services: { [id]: IDLE } } });
    await ship('victim', 'bystander');
  });

  it('X-3 signed all the same: 4 for the service of another module, 8 for a file that is not its', async () => {
    const foreign = await forged((plan) => ({
      project: on.project('bystander'),
      service: 'bystander',
      changes: [{ ...(plan.changes[0] as Plan['changes'][number]), target: 'compose.service.bystander' }],
    }));
    expect(foreign.exit, foreign.stdout).toBe(4);
    const taken = await forged((plan) => ({
      changes: [...plan.changes, { target: 'file.modules/bystander/compose.yaml', action: 'remove', reasons: [] }],
    }));
    expect(taken.exit, taken.stdout).toBe(8);
    expect([...(await containers(on, 'victim')), ...(await containers(on, 'bystander'))]).toHaveLength(2);
  });

  it('wrong use of the flags is 2', async () => {
    for (const args of [['--remove'], ['victim', '--remove', '--offline'], ['victim', '--host', 'host1']])
      expect((await on.repo.platformctl(['plan', ...args])).exit, args.join(' ')).toBe(2);
  });
});
