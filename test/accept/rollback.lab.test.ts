/** `rollback` (B-2): back to a release that the host keeps, as an operator does it. Real sshd, real engine. */
import { randomInt } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/manifest/types.js';
import { changeDigest, planBytes, planDigest } from '../../src/plan/artifact.js';
import { containers, document, type Result, WEB } from '../faults/scene.js';
import { sharedLab } from '../lab/shared.js';
import { type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

const SIX = { PLATFORMCTL_PHASE: '06' };

async function rollback(args: readonly string[], env: Readonly<Record<string, string>> = SIX) {
  const { exit, stdout, stderr } = await on.repo.platformctl(['rollback', ...args, '--json'], { env });
  const read = JSON.parse(stdout || '{}') as { results?: Result[]; error?: { code: string; why: string } };
  return { exit, result: read.results?.[0] ?? null, error: read.error ?? null, said: stdout + stderr };
}

/** Publishes a version of a module that serves `page`, and ships it. Returns its commit. */
async function ship(
  id: string,
  page: string,
  service: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
) {
  await on.repo.write(`modules/${id}/www/index.html`, page);
  await on.module(id, { compose: { services: { [id]: { ...WEB, ...service } }, ...more } });
  const sha = await on.repo.publish(`${id} ${page}`);
  const { planned, applied } = await on.ship(id);
  expect(applied.get(id)?.exit, planned.said + applied.get(id)?.said).toBe(9);
  return sha;
}

const page = (id: string): Promise<string> => on.inside(id, 'wget', '-qO-', 'http://127.0.0.1:8080/');
const imageOf = async (id: string): Promise<string> =>
  lab.docker('inspect', '--format', '{{.Image}}', await on.container(on.project(id), id));
const releases = (id: string): Promise<string[]> => readdir(`${on.repo.remoteRoot()}/.platform/releases/${id}`);
const codes = (result: Result | null): string[] =>
  (result?.gates ?? []).flatMap((gate) => gate.failures.map((one) => one.code));

describe('B-2 back to the release before', () => {
  let one: string;
  let two: string;
  beforeAll(async () => {
    one = await ship('web', 'one');
    two = await ship('web', 'two', { image: 'lab/busybox:2', environment: { LEVEL: 'debug' } });
  });

  it('G-2 needs phase 06: with less it shows the other gates, prints the line and ends 4', async () => {
    for (const env of [{}, { PLATFORMCTL_PHASE: '05' }]) {
      const refused = await rollback(['web'], env);
      expect(refused.exit, refused.said).toBe(4);
      expect(codes(refused.result)).toEqual(['PCTL-GATE-PHASE']);
      expect(refused.said).toContain('export PLATFORMCTL_PHASE=06');
    }
    expect(await page('web')).toBe('two');
  });

  it('X-10 --dry-run changes nothing: 1; the plan that is kept stays, with its signatures', async () => {
    await on.repo.write('modules/web/www/index.html', 'three');
    await on.repo.publish('three');
    await on.plan('web');
    await on.approve('web');
    const kept = join(on.repo.dir, '.platform/state/plans/web.plan.json');
    const read = () => Promise.all([kept, `${kept}.sig`].map((file) => readFile(file, 'utf8')));
    const before = await read();
    const dry = await rollback(['web', '--dry-run'], {});
    expect(dry.exit, dry.said).toBe(1);
    expect(dry.result?.outcome).toBe('would_apply');
    expect(await page('web')).toBe('two');
    expect(await read()).toEqual(before);
  });

  it('9: its bytes and its image run, without a new approval; the record says so and HEAD is an update', async () => {
    const before = await document(on, 'web');
    const done = await rollback(['web']);
    expect(done.exit, done.said).toBe(9);
    expect(done.result).toMatchObject({ outcome: 'applied' });
    expect(await page('web')).toBe('one');
    expect(await imageOf('web')).toBe(lab.images['lab/busybox:1']);
    expect(await on.inside('web', 'sh', '-c', 'echo "[$LEVEL]"')).toBe('[]');
    const after = await document(on, 'web');
    expect(after).toMatchObject({
      outcome: 'applied',
      kind: 'rollback',
      last_apply_sha: one,
      approved_by: before?.previous[0]?.approved_by,
      previous: [{ sha: two, image_id: lab.images['lab/busybox:2'] }],
      intent: null,
    });
    expect(after?.approved_by).toEqual(['alice@example.net']);
    const planned = await on.plan('web');
    expect(planned.exit).toBe(1);
    expect(on.reasons(planned, 'web')).toEqual([
      'service definition changed: environment.LEVEL, image',
      'mounted file changed: www/index.html',
    ]);
    const status = await on.repo.platformctl(['status', 'web']);
    expect(status.stdout).toMatch(new RegExp(`${one.slice(0, 7)}.*by rollback`));
  });

  it('never forward by itself: 3, listing what is kept; --to goes there', async () => {
    const none = await rollback(['web']);
    expect(none.exit).toBe(3);
    expect(none.error).toMatchObject({ code: 'PCTL-RELEASE-UNKNOWN' });
    expect(none.error?.why).toContain(two.slice(0, 7));
    const unknown = await rollback(['web', '--to', 'feedbeef']);
    expect([unknown.exit, unknown.error?.code]).toEqual([3, 'PCTL-RELEASE-UNKNOWN']);
    const never = await rollback(['nobody']);
    expect([never.exit, never.error?.code]).toEqual([3, 'PCTL-RELEASE-UNKNOWN']);
    const done = await rollback(['web', '--to', two.slice(0, 10)]);
    expect(done.exit, done.said).toBe(9);
    expect(await page('web')).toBe('two');
  });

  it('--out only writes the plan; apply takes it once, in phase 06', async () => {
    const file = join(on.repo.dir, '..', 'back.plan.json');
    const wrote = await on.repo.platformctl(['rollback', 'web', '--out', file]);
    expect(wrote.exit, wrote.stdout + wrote.stderr).toBe(1);
    expect(await page('web')).toBe('two');
    const plan = JSON.parse(await readFile(file, 'utf8')) as Plan;
    expect(plan).toMatchObject({ kind: 'rollback', source_sha: one, image: { id: lab.images['lab/busybox:1'] } });
    expect((await on.repo.platformctl(['explain-approval', file])).exit).toBe(0);
    const apply = (env: Record<string, string>) => on.repo.platformctl(['apply', file, '--json'], { env });
    expect((await apply({ PLATFORMCTL_PHASE: '05' })).exit).toBe(4);
    const applied = await apply(SIX);
    expect(applied.exit, applied.stdout).toBe(9);
    expect(await page('web')).toBe('one');
    expect((await apply(SIX)).exit).toBe(8);
  });
});

describe('B-2 the image is that of the release', () => {
  const tag = `lab/moved:${randomInt(1e9)}`;
  it('X-11 where its tag means another one by now, and where the tag is gone', async () => {
    const [first, second] = [lab.images['lab/busybox:1'], lab.images['lab/busybox:2']] as [string, string];
    await lab.docker('tag', first, tag);
    await ship('moved', 'one', { image: tag });
    await lab.docker('tag', second, tag);
    await ship('moved', 'two', { image: tag });
    expect(await imageOf('moved')).toBe(second);
    const done = await rollback(['moved']);
    expect(done.exit, done.said).toBe(9);
    expect(await imageOf('moved')).toBe(first);
    expect(await lab.docker('image', 'inspect', '--format', '{{.Id}}', tag), 'the tag is not moved').toBe(second);
    expect(on.reasons(await on.plan('moved'), 'moved')).toContain('mounted file changed: www/index.html');
    await lab.docker('rmi', tag);
    const forth = await rollback(['moved', '--to', 'HEAD']);
    expect(forth.exit, forth.said).toBe(9);
    expect(await imageOf('moved')).toBe(second);
    expect(await containers(on, 'moved')).toHaveLength(1);
  });

  it('two applies of one commit: back to the first, and from there never forward by itself', async () => {
    const moving = `lab/moving:${randomInt(1e9)}`;
    const [first, second] = [lab.images['lab/busybox:1'], lab.images['lab/busybox:2']] as [string, string];
    await lab.docker('tag', first, moving);
    const sha = await ship('twice', 'one', { image: moving });
    await lab.docker('tag', second, moving);
    await on.plan('twice');
    await on.approve('twice');
    const main = await on.repo.git('rev-parse', 'origin/main');
    const again = await on.apply('twice', '--policy-ref', main);
    expect(again.exit, again.said).toBe(9);
    expect(await imageOf('twice')).toBe(second);
    const now = await document(on, 'twice');
    expect(now?.policy, 'G-1 recorded').toEqual({ ref: main, sha: main });
    const chain = await readFile(`${on.repo.remoteRoot()}/.platform/state/audit.jsonl`, 'utf8');
    expect(chain.trim().split('\n').at(-1)).toContain(`"policy":"${main}"`);
    const was = now?.previous[0];
    const back = await rollback(['twice']);
    expect(back.exit, back.said).toBe(9);
    expect(await imageOf('twice')).toBe(first);
    expect(await document(on, 'twice')).toMatchObject({
      since: was?.applied_at,
      previous: [{ sha, image_id: second }],
    });
    const forward = await rollback(['twice']);
    expect([forward.exit, forward.error?.code], forward.said).toEqual([3, 'PCTL-RELEASE-UNKNOWN']);
    expect(await imageOf('twice')).toBe(first);
  });
});

describe('G-8 a release whose volumes differ', () => {
  beforeAll(async () => {
    await ship('store', 'one', { volumes: ['./www:/www:ro', 'old:/data'] }, { volumes: { old: {} } });
    await ship('store', 'two', { volumes: ['./www:/www:ro', 'new:/data'] }, { volumes: { new: {} } });
  });

  it("6: the release's approval does not count for that, whatever the plan says of itself", async () => {
    const refused = await rollback(['store']);
    expect(refused.exit, refused.said).toBe(6);
    expect(codes(refused.result)).toEqual(['PCTL-DESTRUCTIVE']);
    expect(refused.said).toContain('the volumes of the release differ: without new at /data; with old at /data');

    const file = join(on.repo.dir, '..', 'tame.plan.json');
    await on.repo.platformctl(['rollback', 'store', '--out', file]);
    const { digest: _, change_digest: __, ...plan } = JSON.parse(await readFile(file, 'utf8')) as Plan;
    const tame = { ...plan, destructive: [] };
    const whole = { ...tame, change_digest: changeDigest(tame) };
    await writeFile(file, planBytes({ ...whole, digest: planDigest(whole) }));
    const forged = await on.repo.platformctl(['apply', file, '--json'], { env: SIX });
    expect(forged.exit, forged.stdout).toBe(6);
    expect(await page('store')).toBe('two');
  });

  it('9 once the plan is approved', async () => {
    expect((await rollback(['store'], {})).exit).toBe(4);
    await on.approve('store');
    const done = await rollback(['store']);
    expect(done.exit, done.said).toBe(9);
    expect(await page('store')).toBe('one');
  });
});

describe('B-2 what cannot be put back, and what does not work any more', () => {
  it('M-8 a host file that changed since: it says so; and a release that breaks is rolled back itself (11)', async () => {
    await on.repo.write('modules/env/www/index.html', 'one');
    const command = ['sh', '-c', 'grep -q "$WANTS" /mode || exit 3; exec httpd -f -p 8080 -h /www'];
    const version = (wants: string) =>
      on.module('env', {
        compose: {
          services: {
            env: {
              ...WEB,
              command: command.map((word) => word.replaceAll('$', () => '$$')),
              environment: { WANTS: wants },
              volumes: ['./www:/www:ro', './mode.conf:/mode:ro'],
            },
          },
        },
        runtime: { host_files: ['mode.conf'] },
      });
    const root = on.repo.remoteRoot();
    await on.onHost(lab.host().name, `mkdir -p ${root}/modules/env && echo old new >${root}/modules/env/mode.conf`);
    await version('old');
    const one = await on.repo.publish('old');
    const first = await on.ship('env');
    expect(first.applied.get('env')?.exit, first.planned.said + first.applied.get('env')?.said).toBe(9);
    await version('new');
    await on.repo.publish('new');
    expect((await on.ship('env')).applied.get('env')?.exit).toBe(9);
    await on.onHost(lab.host().name, `echo new >${root}/modules/env/mode.conf`);

    const before = await document(on, 'env');
    const broken = await rollback(['env']);
    expect(broken.exit, broken.said).toBe(11);
    expect(broken.result).toMatchObject({ outcome: 'rolled_back', message: 'the container exited with code 3' });
    expect(broken.result?.notes.join('\n')).toContain(
      'host file mode.conf is not what that release ran with: a rollback cannot put it back',
    );
    expect(await page('env')).toBe('one');
    expect(await document(on, 'env')).toMatchObject({
      outcome: 'rolled_back',
      last_apply_sha: before?.last_apply_sha,
      previous: before?.previous,
      attempt: { sha: one, outcome: 'rolled_back' },
    });
  });

  it('an image or a file of the release that is gone from the host: 7, nothing was changed', async () => {
    const id = 'gone';
    await ship(id, 'one');
    await ship(id, 'two');
    const status = await document(on, id);
    const folder = `${on.repo.remoteRoot()}/.platform/releases/${id}/${status?.previous[0]?.plan_digest}`;
    await on.onHost(lab.host().name, `echo other >${folder}/tree/modules/${id}/www/index.html`);
    const damaged = await rollback([id]);
    expect([damaged.exit, damaged.error?.code]).toEqual([7, 'PCTL-RELEASE-DAMAGED']);
    expect(await page(id)).toBe('two');
  });
});

describe('B-2 the last 5', () => {
  it('are kept on the host, each with its plan and a tag of its image; the sixth falls off with both', async () => {
    const shas: string[] = [];
    for (const n of ['1', '2', '3', '4', '5', '6', '7']) shas.push(await ship('many', n));
    const status = await document(on, 'many');
    expect(status?.previous.map((one) => one.sha)).toEqual(shas.slice(1, 6).reverse());
    const kept = [status?.plan_digest as string, ...(status?.previous ?? []).map((one) => one.plan_digest)];
    expect((await releases('many')).sort()).toEqual([...kept].sort());
    for (const digest of kept)
      expect(await lab.docker('images', '-q', `platformctl-kept:${digest}`), digest).not.toBe('');
    const far = await rollback(['many', '--to', shas[1] as string]);
    expect(far.exit, far.said).toBe(9);
    expect(await page('many')).toBe('2');
    const lost = await rollback(['many', '--to', shas[0] as string]);
    expect([lost.exit, lost.error?.code]).toEqual([3, 'PCTL-RELEASE-UNKNOWN']);
    expect(await releases('many')).toHaveLength(6);
  });
});
