/** What the gates refuse (3-gates), each through the built CLI with real git, real keys and a real host that must not notice. */
import { appendFile, copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Plan } from '../../src/manifest/types.js';
import { changeDigest, planBytes, planDigest } from '../../src/plan/artifact.js';
import { finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
/** Plan files lie outside of the repo, as those that a CI job was handed do. */
let folder: string;
const PHASE = { PLATFORMCTL_PHASE: '05' };

interface Refusal {
  readonly exit: number | null;
  readonly outcome: string | null;
  /** Codes of every gate that failed, or of the one error. */
  readonly codes: readonly string[];
  readonly said: string;
}

async function apply(...args: string[]): Promise<Refusal> {
  const { exit, stdout, stderr } = await on.repo.platformctl(['apply', '--json', ...args], { env: PHASE });
  const { results = [], error } = JSON.parse(stdout);
  const [result] = results;
  const gates = result?.gates.flatMap((gate: { failures: { code: string }[] }) => gate.failures) ?? [];
  const failures: { code: string }[] = [...gates, ...[result?.error ?? error ?? null].filter((one) => one !== null)];
  return { exit, outcome: result?.outcome ?? null, codes: failures.map(({ code }) => code), said: stdout + stderr };
}

async function planFile(name: string, ...args: string[]): Promise<{ file: string; plan: Plan }> {
  const file = join(folder, `${name}.plan.json`);
  const { exit, stdout, stderr } = await on.repo.platformctl(['plan', ...args, '--out', file]);
  if (exit !== 1) throw new Error(`plan exited ${exit}: ${stdout}${stderr}`);
  return { file, plan: JSON.parse(await readFile(file, 'utf8')) };
}

/** A plan that somebody edited with care: its digests are those of its content, so that only the gate it was made for can notice. */
async function forged(name: string, of: Plan, edit: (plan: Record<string, unknown>) => void): Promise<string> {
  const plan = structuredClone(of) as Plan & Record<string, unknown>;
  edit(plan);
  const changed = { ...plan, change_digest: changeDigest(plan) };
  const file = join(folder, `${name}.plan.json`);
  await writeFile(file, planBytes({ ...changed, digest: planDigest(changed) }));
  return file;
}

const approve = async (who: string, ...plans: string[]): Promise<void> => {
  const { exit, stdout, stderr } = await on.repo.platformctl(['approve', ...plans, '--key', join(folder, who)]);
  if (exit !== 0) throw new Error(`approve exited ${exit}: ${stdout}${stderr}`);
};

/** A commit of somebody that changes a module's definition, pushed to main. */
async function changeBy(who: string, id: string, mark: string, message = mark): Promise<string> {
  await on.module(id, { compose: { services: { [id]: { ...IDLE, environment: { MARK: mark } } } } });
  return commitAs(who, message);
}

async function commitAs(who: string, message: string): Promise<string> {
  const email = `${who}@example.net`;
  await on.repo.git('add', '--all');
  await on.repo.git('-c', `user.name=${who}`, '-c', `user.email=${email}`, 'commit', '--quiet', '-m', message);
  await on.repo.push();
  return on.repo.git('rev-parse', 'HEAD');
}

async function config(edit: (config: Record<string, unknown>) => void): Promise<void> {
  const path = '.platform/config.yaml';
  const data = parse(await readFile(join(on.repo.dir, path), 'utf8'));
  edit(data);
  await on.repo.write(path, stringify(data));
}

const idOf = (id: string): Promise<string> => on.container(on.project(id), id);

/** Carol has two keys; mallory is nobody. */
const SIGNERS = ['carol', 'carol-laptop', 'dave', 'mallory'];

beforeAll(async () => {
  on = await stage(lab);
  folder = join(on.repo.dir, '..', 'plans');
  await mkdir(folder);
  for (const who of SIGNERS) {
    const made = await finish('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', who, '-f', join(folder, who)]);
    if (made.exit !== 0) throw new Error(made.stderr);
    if (who === 'mallory') continue;
    const [kind, key] = (await readFile(join(folder, `${who}.pub`), 'utf8')).split(' ');
    const line = `${who.split('-')[0]}@example.net namespaces="platformctl-plan" ${kind} ${key}\n`;
    await appendFile(join(on.repo.dir, '.platform/allowed_signers'), line);
  }
  for (const who of ['alice', 'bob'] as const) {
    await copyFile(on.repo.people[who].key, join(folder, who));
    await copyFile(`${on.repo.people[who].key}.pub`, join(folder, `${who}.pub`));
    await finish('chmod', ['600', join(folder, who)]);
  }
  for (const id of ['web', 'api', 'job', 'sql'])
    await on.module(id, { compose: { services: { [id]: { ...IDLE } } }, ...(id === 'sql' ? { host: 'host2' } : {}) });
  await commitAs('bob', 'Four services');
});

afterAll(() => on.dispose());

describe('G-3, P-2 a plan that is not what was made', () => {
  let web: { file: string; plan: Plan };
  beforeAll(async () => {
    web = await planFile('web', 'web');
    await approve('alice', web.file);
  });

  it.each([
    ['a byte of the image', 5, 'PCTL-PLAN-DIGEST', (text: string) => text.replace('lab/busybox:1', 'lab/busybox:2')],
    [
      'a byte of the digest',
      5,
      'PCTL-PLAN-DIGEST',
      (text: string) => text.replace(/("digest":")(.)/, (_, key, c) => key + (c === 'a' ? 'b' : 'a')),
    ],
    [
      'a byte of the commit',
      5,
      'PCTL-PLAN-DIGEST',
      (text: string) => text.replace(/("source_sha":")(.)/, (_, key, c) => key + (c === 'a' ? 'b' : 'a')),
    ],
    ['a blank', 5, 'PCTL-PLAN-DIGEST', (text: string) => text.replace(',', ', ')],
    ['one byte less', 3, 'PCTL-PLAN-JSON', (text: string) => text.slice(1)],
    ['another major version', 3, 'PCTL-PLAN-VERSION', (text: string) => text.replace(/("schema_version":")1/, '$12')],
  ])('%s: %i %s', async (_name, exit, code, edit) => {
    const file = join(folder, 'edited.plan.json');
    const text = await readFile(web.file, 'utf8');
    expect(edit(text)).not.toBe(text);
    await writeFile(file, edit(text));
    await copyFile(`${web.file}.sig`, `${file}.sig`);
    expect(await apply(file)).toMatchObject({ exit, codes: [code] });
  });

  const forgeries: readonly [string, number, string, (plan: Record<string, unknown>) => void][] = [
    [
      'another host of the config',
      4,
      'PCTL-PLAN-TARGET',
      (plan) => Object.assign(plan, { host: 'host2', remote_root: on.repo.remoteRoot('host2') }),
    ],
    ['a host that is not in the config', 4, 'PCTL-GATE-HOST', (plan) => Object.assign(plan, { host: 'host3' })],
    ['another remote_root', 4, 'PCTL-GATE-HOST', (plan) => Object.assign(plan, { remote_root: '/srv/elsewhere' })],
    [
      "another module's service",
      4,
      'PCTL-PLAN-TARGET',
      (plan) =>
        Object.assign(plan, {
          service: 'api',
          changes: [{ target: 'compose.service.api', action: 'create', reasons: ['not there'] }],
        }),
    ],
    [
      "a change of another module's service besides",
      4,
      'PCTL-PLAN-FOREIGN',
      (plan) =>
        Object.assign(plan, {
          changes: [
            ...(plan.changes as object[]),
            { target: 'compose.service.api', action: 'update', reasons: ['why not'] },
          ],
        }),
    ],
    ['another project', 4, 'PCTL-PLAN-TARGET', (plan) => Object.assign(plan, { project: on.project('api') })],
    [
      'bytes that the commit does not have',
      5,
      'PCTL-PLAN-CONTENT',
      (plan) =>
        Object.assign(plan, { files: (plan.files as object[]).map((file) => ({ ...file, sha256: 'a'.repeat(64) })) }),
    ],
    ['another manifest', 5, 'PCTL-PLAN-CONTENT', (plan) => Object.assign(plan, { manifest_digest: 'b'.repeat(64) })],
    [
      'a commit that is nowhere',
      5,
      'PCTL-PROVENANCE-COMMIT',
      (plan) => Object.assign(plan, { source_sha: 'c'.repeat(40) }),
    ],
  ];
  it.each(forgeries)('forged and signed, for %s: %i %s', async (name, exit, code, edit) => {
    const file = await forged(name.replaceAll(/[^a-z]/g, '-'), web.plan, edit);
    await approve('alice', file);
    const refused = await apply(file);
    expect(refused).toMatchObject({ exit });
    expect(refused.codes).toContain(code);
  });

  it.each<[string, (plan: Record<string, unknown>) => void]>([
    [
      'to run another image',
      (plan) => {
        plan.image = { reference: 'lab/busybox:2', id: lab.images['lab/busybox:2'] };
        (plan.observed as { identity: Record<string, unknown> }).identity.image_id = lab.images['lab/busybox:2'];
      },
    ],
    [
      'to show other values than compose resolves',
      (plan) => {
        plan.resolved = { ...(plan.resolved as object), privileged: true };
      },
    ],
    [
      'to be content with less',
      (plan) => {
        plan.smoke = { ...(plan.smoke as object), exits: 0 };
      },
    ],
  ])(
    'P-12 forged and signed %s than its commit gives: 8 under the lock, nothing is on the host',
    async (name, edit) => {
      const file = await forged(name.replaceAll(' ', '-'), web.plan, edit);
      await approve('alice', file);
      const refused = await apply(file);
      expect(refused.exit, refused.said).toBe(8);
      expect(refused.codes).toContain('PCTL-PLAN-STALE');
      expect(await lab.docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${on.project('web')}`)).toBe(
        '',
      );
    },
  );

  it('P-10 from a dirty tree: 3, and nobody can approve it', async () => {
    await on.module('web', { compose: { services: { web: { ...IDLE, environment: { MARK: 'dirty' } } } } });
    const dirty = await planFile('dirty', 'web');
    expect(dirty.plan.source_dirty).toBe(true);
    expect(await apply(dirty.file)).toMatchObject({ exit: 3, codes: ['PCTL-PLAN-DIRTY'] });
    expect((await on.repo.platformctl(['approve', dirty.file])).exit).toBe(3);
    const cleaned = await forged('cleaned', dirty.plan, (plan) => {
      plan.source_dirty = false;
    });
    await approve('alice', cleaned);
    expect(await apply(cleaned)).toMatchObject({ exit: 5, codes: ['PCTL-PLAN-CONTENT'] });
    await on.repo.git('checkout', '--quiet', '--', '.');
  });

  it('P-8 offline: 3, and nobody can approve it', async () => {
    const offline = await planFile('offline', 'web', '--offline');
    expect(await apply(offline.file)).toMatchObject({ exit: 3, codes: ['PCTL-PLAN-OFFLINE'] });
    expect((await on.repo.platformctl(['approve', offline.file])).exit).toBe(3);
  });

  it("--approved-sha: wrong and short 5, the plan's own goes on; --approved-pr has nobody to vouch for it: 5", async () => {
    const sha = web.plan.source_sha;
    const wrong = `${sha.slice(0, -1)}${sha.endsWith('0') ? '1' : '0'}`;
    for (const given of [wrong, sha.slice(0, 12)])
      expect(await apply(web.file, '--approved-sha', given)).toMatchObject({ exit: 5, codes: ['PCTL-APPROVED-SHA'] });
    expect(await apply(web.file, '--approved-pr', '7')).toMatchObject({ exit: 5, codes: ['PCTL-APPROVED-PR'] });
    expect(await apply(web.file, '--approved-sha', sha, '--dry-run')).toMatchObject({
      exit: 1,
      outcome: 'would_apply',
    });
  });

  it('G-1 a remote that does not answer: 4; only --policy-ref SHA goes on', async () => {
    const main = await on.repo.git('rev-parse', 'origin/main');
    await rename(on.repo.origin, `${on.repo.origin}.away`);
    try {
      expect(await apply(web.file, '--dry-run')).toMatchObject({ exit: 4, codes: ['PCTL-POLICY-REMOTE'] });
      expect(await apply(web.file, '--dry-run', '--policy-ref', 'main')).toMatchObject({
        exit: 4,
        codes: ['PCTL-POLICY-REMOTE'],
      });
      expect(await apply(web.file, '--dry-run', '--policy-ref', main)).toMatchObject({
        exit: 1,
        outcome: 'would_apply',
      });
    } finally {
      await rename(`${on.repo.origin}.away`, on.repo.origin);
    }
  });

  it('two plans of one module in one apply: 2, said by name', async () => {
    const other = join(folder, 'again.plan.json');
    await copyFile(web.file, other);
    expect(await apply(web.file, other)).toMatchObject({ exit: 2, codes: ['PCTL-APPLY-TWICE'] });
  });
});

describe('G-4 whose signature counts', () => {
  it('of nobody in allowed_signers, and none at all: 5', async () => {
    const { file } = await planFile('unsigned', 'web');
    expect(await apply(file)).toMatchObject({ exit: 5 });
    await approve('mallory', file);
    expect(await apply(file)).toMatchObject({ exit: 5, codes: expect.arrayContaining(['PCTL-APPROVAL-UNKNOWN']) });
  });

  it('of the author: 5 under the lock, since only the host knows what was applied last', async () => {
    const { file } = await planFile('own', 'web');
    await approve('bob', file);
    const refused = await apply(file);
    expect(refused).toMatchObject({ exit: 5, codes: expect.arrayContaining(['PCTL-APPROVAL-AUTHOR']) });
    expect(refused.said).toMatch(/bob/);
    const explained = await on.repo.platformctl(['explain-approval', file, '--json']);
    expect(JSON.parse(explained.stdout)).toMatchObject({ required: 1 });
  });

  it('one signature over three plans counts for each of them, and for no fourth', async () => {
    const files: string[] = [];
    for (const id of ['web', 'api', 'job', 'sql']) files.push((await planFile(`four-${id}`, id)).file);
    const [web, api, job, sql] = files as [string, string, string, string];
    await approve('alice', web, api, job);
    await copyFile(`${web}.sig`, `${sql}.sig`);
    for (const file of [web, api, job])
      expect(await apply(file, '--dry-run')).toMatchObject({ exit: 1, outcome: 'would_apply' });
    expect(await apply(sql, '--dry-run')).toMatchObject({
      exit: 5,
      codes: expect.arrayContaining(['PCTL-APPROVAL-DIGEST']),
    });
    // The digests above a signature are covered by it: one more makes it good for nothing.
    const sign = await readFile(`${web}.sig`, 'utf8');
    const fourth = JSON.parse(await readFile(sql, 'utf8')).digest;
    await writeFile(`${sql}.sig`, `${fourth}\n${sign}`);
    expect(await apply(sql, '--dry-run')).toMatchObject({
      exit: 5,
      codes: expect.arrayContaining(['PCTL-APPROVAL-SIGNATURE']),
    });
    // X-1 what was refused left nothing to do: the same signature applies it.
    expect(await apply(web)).toMatchObject({ exit: 9, outcome: 'applied' });
  });

  it('of an author two commits back, and of who is only Co-authored-by: 5; of somebody else: 9', async () => {
    await changeBy('bob', 'web', 'one');
    await changeBy('alice', 'web', 'two');
    await changeBy('dave', 'web', 'three', 'three\n\nCo-authored-by: Carol <carol@example.net>');
    const { file } = await planFile('authors', 'web');
    for (const who of ['bob', 'alice', 'dave', 'carol']) await approve(who, file);
    const refused = await apply(file);
    expect(refused.exit).toBe(5);
    expect(refused.codes.filter((code) => code === 'PCTL-APPROVAL-AUTHOR')).toHaveLength(4);
    // What was applied since does not make an author for ever.
    await changeBy('dave', 'api', 'neighbour');
    const later = await planFile('later', 'api');
    await approve('carol', later.file);
    expect(await apply(later.file, '--dry-run')).toMatchObject({ exit: 1, outcome: 'would_apply' });
  });

  it('two are required: both keys of one person count once', async () => {
    await config((data) => {
      data.approval = { mode: 'signature', required: 2 };
    });
    await commitAs('bob', 'Two must agree');
    const { file } = await planFile('two', 'job');
    await approve('carol', file);
    await approve('carol-laptop', file);
    const refused = await apply(file, '--dry-run');
    expect(refused).toMatchObject({ exit: 5, codes: expect.arrayContaining(['PCTL-APPROVAL-SAME-PERSON']) });
    await approve('alice', file);
    expect(await apply(file, '--dry-run')).toMatchObject({ exit: 1, outcome: 'would_apply' });
    await config((data) => {
      data.approval = { mode: 'signature' };
    });
    await commitAs('bob', 'One is enough');
  });
});

describe('G-1 which policy judges', () => {
  it('the policy moved since the plan: 8', async () => {
    const { file } = await planFile('moved', 'job');
    await approve('alice', file);
    await config((data) => {
      data.policy = { bind_roots: ['/mnt/media'] };
    });
    await commitAs('bob', 'Another policy');
    expect(await apply(file)).toMatchObject({ exit: 8, outcome: 'stale', codes: ['PCTL-POLICY-MOVED'] });
  });

  it("a commit that weakens the config is judged by the one on the remote's main, and flagged", async () => {
    const before = await on.repo.git('rev-parse', 'HEAD');
    await config((data) => {
      data.approval = { mode: 'signature', allow_author: true };
      data.policy = { compose: { allow: [{ module: 'job', rule: 'privileged', reason: 'because' }] } };
    });
    await on.module('job', { compose: { services: { job: { ...IDLE, privileged: true } } } });
    await on.repo.commit('Weaken and use it');
    const planned = await on.repo.platformctl(['plan', 'job']);
    expect(planned.exit).toBe(4);
    expect(planned.stdout + planned.stderr).toMatch(
      /this commit changes \.platform\/config\.yaml: it is judged by the one at main/,
    );
    expect(planned.stdout).toContain('PCTL-COMPOSE-PRIVILEGED');
    await on.module('job', { compose: { services: { job: { ...IDLE, environment: { MARK: 'mine' } } } } });
    await on.repo.commit('Weaken only who may approve');
    const { file } = await planFile('weakened', 'job');
    await approve('bob', file);
    const refused = await apply(file);
    expect(refused).toMatchObject({ exit: 5, codes: expect.arrayContaining(['PCTL-COMMIT-NOT-PROTECTED']) });
    await on.repo.git('reset', '--quiet', '--hard', before);
  });

  it('approval mode forge alone is not built yet: 5, by name', async () => {
    await config((data) => {
      data.approval = {
        mode: 'forge',
        forge: {
          kind: 'forgejo',
          url: 'https://git.example.net',
          repository: 'o/p',
          token_env: 'PLATFORMCTL_FORGE_TOKEN',
        },
      };
    });
    await commitAs('bob', 'The forge decides');
    const { file, plan } = await planFile('forge', 'job');
    await approve('alice', file);
    const refused = await apply(file, '--approved-sha', plan.source_sha);
    expect(refused.exit).toBe(5);
    expect(refused.said).toMatch(/forge/);
    await config((data) => {
      data.approval = { mode: 'signature' };
    });
    await commitAs('bob', 'We decide');
  });
});

describe('G-3, X-1 order of commits', () => {
  it('a plan of an older commit than the applied one: 8, hint rollback; the newer one stays', async () => {
    const older = await on.repo.git('rev-parse', 'HEAD');
    await changeBy('bob', 'api', 'newer');
    const newer = await planFile('newer', 'api');
    await approve('carol', newer.file);
    expect(await apply(newer.file)).toMatchObject({ exit: 9, outcome: 'applied' });
    const runs = await idOf('api');
    const back = await planFile('older', 'api', '--sha', older);
    await approve('carol', back.file);
    const refused = await apply(back.file);
    expect(refused).toMatchObject({ exit: 8, outcome: 'stale', codes: expect.arrayContaining(['PCTL-COMMIT-OLDER']) });
    expect(refused.said).toMatch(/rollback/);
    expect(await idOf('api')).toBe(runs);
  });
});
