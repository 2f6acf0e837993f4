/** G-4 and G-1 with real parts: git repositories, keys, signatures; the attacker's rows of the table "Shown by". */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainJson, explainText } from '../../src/commands/explain-approval.js';
import { authorsOf, relationOf } from '../../src/flows/approvals.js';
import { approve } from '../../src/flows/approve.js';
import { explainApproval } from '../../src/flows/explain-approval.js';
import { policyDigest, resolvePolicy } from '../../src/flows/policy.js';
import { readPlatform } from '../../src/flows/read-platform.js';
import type { Plan, Status } from '../../src/manifest/types.js';
import { planBytes } from '../../src/plan/artifact.js';
import { makeRepo, type Repo } from '../adapters/git/repo.js';
import { statusFixture } from '../fixtures/plans.js';
import { makePlan } from './facts.js';
import { makeWorld } from './world.js';

let keys: string;
const people = ['alice', 'bob', 'carol', 'bob2', 'eve'] as const;
type Who = (typeof people)[number];
const publicKey = (who: Who) =>
  readFileSync(join(keys, `${who}.pub`), 'utf8')
    .split(' ')
    .slice(0, 2)
    .join(' ');
const signers = (...who: [string, Who][]) => who.map(([address, name]) => `${address} ${publicKey(name)}\n`).join('');
const config = (approval = 'mode: signature') =>
  `apiVersion: platformctl/v1\nkind: Platform\nremote_root: /opt/platform\nprotected_ref: main\nhosts:\n  rs2000: { transport: local }\napproval: { ${approval} }\n`;

const made: Repo[] = [];
const track = (repo: Repo) => {
  made.push(repo);
  return repo;
};

/** A platform repo without a remote: config by carol, a module by alice. */
function platformRepo(approval?: string): Repo {
  const repo = track(makeRepo());
  repo.write('.platform/config.yaml', config(approval));
  repo.write(
    '.platform/allowed_signers',
    signers(
      ['alice@example.net', 'alice'],
      ['bob@example.net', 'bob'],
      ['bob@example.net', 'bob2'],
      ['carol@example.net', 'carol'],
    ),
  );
  repo.write('.gitignore', '.platform/state/\n*.plan.json*\n');
  repo.commit('policy', 'carol@example.net');
  repo.write('modules/web/module.yaml', 'v: 1\n');
  repo.write('core/compose.yaml', 'v: 1\n');
  repo.commit('web', 'alice@example.net');
  return repo;
}

function keep(repo: Repo, change: Partial<Plan> = {}): { plan: Plan; file: string } {
  const sha = repo.git('rev-parse', 'HEAD');
  const plan = makePlan({ source_sha: sha, policy: { ref: 'main', sha, digest: '2'.repeat(64) }, ...change });
  const file = join(repo.dir, `${plan.module}.plan.json`);
  writeFileSync(file, planBytes(plan));
  return { plan, file };
}

async function sign(repo: Repo, who: Who, ...files: string[]) {
  const world = makeWorld(repo.dir);
  return approve(world, await world.openGit(repo.dir), files, { key: join(keys, who), show: () => undefined });
}

const explain = (repo: Repo, file: string, approvalFiles: string[] = []) =>
  explainApproval(makeWorld(repo.dir), file, { approvalFiles });
const since = (sha: string | null) => ({ sha, module: null, files: [] });
const verdicts = async (repo: Repo, file: string) => {
  const result = await explain(repo, file);
  return [result.exitCode, ...result.approvals.map((row) => row.code ?? 'counts')];
};

beforeAll(() => {
  keys = mkdtempSync(join(tmpdir(), 'pctl-keys-'));
  for (const who of people) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, who)]);
});
afterAll(() => rmSync(keys, { recursive: true, force: true }));
afterEach(() => {
  for (const repo of made.splice(0)) repo.remove();
});

describe('G-4: approvals', () => {
  it('somebody else signs: it counts; the file is as the spec says', async () => {
    const repo = platformRepo();
    const { plan, file } = keep(repo);
    const result = await sign(repo, 'bob', file);
    expect(result).toMatchObject({
      digests: [plan.digest],
      files: [`${file}.sig`],
      principal: 'bob@example.net',
      warnings: [],
    });
    expect(readFileSync(`${file}.sig`, 'utf8').split('\n').slice(0, 2)).toEqual([
      plan.digest,
      '-----BEGIN SSH SIGNATURE-----',
    ]);
    expect(await verdicts(repo, file)).toEqual([0, 'counts']);
    await sign(repo, 'bob', file);
    expect(await verdicts(repo, file), 'signing again adds nothing').toEqual([0, 'counts']);
  });

  it('by hand, with the command of the spec', async () => {
    const repo = platformRepo();
    const { plan, file } = keep(repo);
    const made = execFileSync('ssh-keygen', ['-Y', 'sign', '-n', 'platformctl-plan', '-f', join(keys, 'bob')], {
      input: plan.digest,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    writeFileSync(join(repo.dir, 'by-hand.plan.json.sig'), made);
    const result = await explain(repo, file, ['by-hand.plan.json.sig']);
    expect(result).toMatchObject({ approved: true, counted: 1 });
    await expect(explain(repo, file, ['nope'])).rejects.toMatchObject({ code: 'PCTL-APPROVAL-FILE', exit: 2 });
  });

  it('nobody, somebody not in allowed_signers, the author', async () => {
    const repo = platformRepo();
    const { file } = keep(repo);
    expect(await verdicts(repo, file)).toEqual([5]);
    expect((await sign(repo, 'eve', file)).warnings).toHaveLength(1);
    await sign(repo, 'alice', file);
    expect(await verdicts(repo, file)).toEqual([5, 'PCTL-APPROVAL-UNKNOWN', 'PCTL-APPROVAL-AUTHOR']);
  });

  it('an author whose commit lies two commits back, a committer, a co-author; not who worked elsewhere', async () => {
    const repo = platformRepo();
    repo.write('README', '1');
    repo.commit('elsewhere', 'bob@example.net');
    repo.write('README', '2');
    repo.commit('elsewhere', 'dan@example.net');
    let { file } = keep(repo);
    await sign(repo, 'alice', file);
    await sign(repo, 'bob', file);
    expect(await verdicts(repo, file)).toEqual([0, 'PCTL-APPROVAL-AUTHOR', 'counts']);
    repo.write('core/compose.yaml', 'v: 2\n');
    repo.commit('change\n\nCo-authored-by: Bob <BOB@example.net>', 'dan@example.net', 'carol@example.net');
    rmSync(`${file}.sig`);
    ({ file } = keep(repo));
    await sign(repo, 'bob', file);
    await sign(repo, 'carol', file);
    expect(await verdicts(repo, file)).toEqual([5, 'PCTL-APPROVAL-AUTHOR', 'PCTL-APPROVAL-AUTHOR']);
  });

  it('authors count since the last applied commit only', async () => {
    const repo = platformRepo();
    const before = repo.git('rev-parse', 'HEAD');
    repo.write('core/compose.yaml', 'v: 2\n');
    repo.commit('two', 'bob@example.net');
    const { plan } = keep(repo);
    const git = await makeWorld(repo.dir).openGit(repo.dir);
    const emails = async (last: string | null) =>
      (await authorsOf(git, plan, { manifestPath: null, repoRoot: '' }, since(last)))?.map((author) => author.email);
    expect(await emails(before)).toEqual(['bob@example.net']);
    expect(await emails(null)).toEqual(['bob@example.net', 'alice@example.net']);
    expect(await emails('0'.repeat(40)), 'a commit that is not here hides nobody').toEqual([
      'bob@example.net',
      'alice@example.net',
    ]);
    expect(await emails(plan.source_sha)).toEqual([]);
    expect(await relationOf(git, before, plan.source_sha)).toBe('descendant');
    expect(await relationOf(git, plan.source_sha, before)).toBe('ancestor');
    expect(await relationOf(git, '0'.repeat(40), before)).toBe('diverged');
    expect(await relationOf(git, null, before)).toBe('never');
  });

  it('M-9 who changed the stack.yaml that declares a module is an author of it', async () => {
    const repo = platformRepo();
    const before = repo.git('rev-parse', 'HEAD');
    repo.write('modules/core/stack.yaml', 'services: {}\n');
    repo.commit('stack', 'bob@example.net');
    const { plan } = keep(repo);
    const git = await makeWorld(repo.dir).openGit(repo.dir);
    const authors = async (manifestPath: string) =>
      (await authorsOf(git, plan, { manifestPath, repoRoot: '' }, since(before)))?.map((author) => author.email);
    expect(await authors('modules/core/stack.yaml')).toEqual(['bob@example.net']);
    expect(await authors('modules/web/module.yaml')).toEqual([]);
  });

  it('one person with two keys where two are required', async () => {
    const repo = platformRepo('mode: signature, required: 2');
    const { file } = keep(repo);
    await sign(repo, 'bob', file);
    await sign(repo, 'bob2', file);
    expect(await verdicts(repo, file)).toEqual([5, 'counts', 'PCTL-APPROVAL-SAME-PERSON']);
    await sign(repo, 'carol', file);
    expect(await verdicts(repo, file)).toEqual([0, 'counts', 'PCTL-APPROVAL-SAME-PERSON', 'counts']);
  });

  it('one signature over three plans counts for each of the three and for no fourth', async () => {
    const repo = platformRepo();
    const plans = ['one', 'two', 'three', 'four'].map((module) => keep(repo, { module }));
    const [one, two, three, four] = plans.map((kept) => kept.file) as [string, string, string, string];
    const result = await sign(repo, 'bob', one, two, three);
    expect(result.files).toHaveLength(3);
    for (const file of [one, two, three]) expect(await verdicts(repo, file)).toEqual([0, 'counts']);
    writeFileSync(`${four}.sig`, readFileSync(`${one}.sig`));
    expect(await verdicts(repo, four)).toEqual([5, 'PCTL-APPROVAL-DIGEST']);
    const forged = readFileSync(`${one}.sig`, 'utf8').replace(plans[0]!.plan.digest, plans[3]!.plan.digest);
    writeFileSync(`${four}.sig`, forged);
    expect(await verdicts(repo, four)).toEqual([5, 'PCTL-APPROVAL-SIGNATURE']);
    const shuffled = readFileSync(`${one}.sig`, 'utf8').split('\n');
    writeFileSync(`${two}.sig`, [...shuffled.slice(0, 3).reverse(), ...shuffled.slice(3)].join('\n'));
    expect(await verdicts(repo, two), 'the order of lines says nothing').toEqual([0, 'counts']);
  });

  it('B-2: what it says of a rollback is what apply says: of a release, of one after a removal, of a destructive one', async () => {
    const repo = platformRepo();
    const { plan, file } = keep(repo, { kind: 'rollback' });
    const release = {
      sha: plan.source_sha,
      plan_digest: 'e'.repeat(64),
      applied_at: '2026-11-20T12:00:00Z',
      image_id: plan.image.id,
      approved_by: ['bob@example.net'],
    };
    const mirror = (members: Partial<Status>) =>
      repo.write(
        '.platform/state/modules/web.status.json',
        JSON.stringify(statusFixture({ previous: [release], ...members })),
      );
    mirror({});
    expect(await explain(repo, file)).toMatchObject({ approved: true, exitCode: 0 });
    mirror({ plan_digest: null, last_apply_sha: null });
    expect(await explain(repo, file)).toMatchObject({ approved: false, exitCode: 5 });
    mirror({});
    const destructive = keep(repo, { kind: 'rollback', destructive: ['the volumes of the release differ'] });
    const said = await explain(repo, destructive.file);
    expect(said).toMatchObject({ approved: false, exitCode: 6, failures: [{ code: 'PCTL-DESTRUCTIVE' }] });
    expect(explainText(said, false)).toContain('PCTL-DESTRUCTIVE  the volumes of the release differ');
    await sign(repo, 'bob', destructive.file);
    expect(await verdicts(repo, destructive.file)).toEqual([0, 'counts']);
  });

  it('a bad signature in front of a good one hides nothing, whatever ssh-keygen does with files of several', async () => {
    const repo = platformRepo();
    const { file } = keep(repo);
    await sign(repo, 'eve', file);
    await sign(repo, 'bob', file);
    expect(await verdicts(repo, file)).toEqual([0, 'PCTL-APPROVAL-UNKNOWN', 'counts']);
  });

  it('a plan edited by one byte is signed by nobody', async () => {
    const repo = platformRepo();
    const { file } = keep(repo);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"web:1"', '"web:2"'));
    await expect(sign(repo, 'bob', file)).rejects.toMatchObject({ code: 'PCTL-PLAN-DIGEST', exit: 5 });
    await expect(explain(repo, file)).rejects.toMatchObject({ code: 'PCTL-PLAN-DIGEST', exit: 5 });
  });

  it('dirty and offline plans are not signed; what changes nothing needs none', async () => {
    const repo = platformRepo();
    await expect(sign(repo, 'bob', keep(repo, { module: 'd', source_dirty: true }).file)).rejects.toMatchObject({
      code: 'PCTL-PLAN-DIRTY',
      exit: 3,
    });
    await expect(
      sign(repo, 'bob', keep(repo, { module: 'o', offline: true, observed: null }).file),
    ).rejects.toMatchObject({ code: 'PCTL-PLAN-OFFLINE', exit: 3 });
    const same = keep(repo, { module: 'same', exitCode: 0, recreates: false, changes: [] });
    expect(await sign(repo, 'bob', same.file)).toMatchObject({
      digests: [],
      files: [],
      unchanged: ['same'],
      key: null,
    });
    expect(await explain(repo, same.file)).toMatchObject({ approved: true, required: 0, exitCode: 0 });
  });

  it("key: git's user.signingkey, else what --key or the agent has; else an error that says so", async () => {
    const repo = platformRepo();
    const { file } = keep(repo);
    const world = makeWorld(repo.dir);
    const signWith = async () => approve(world, await world.openGit(repo.dir), [file], { show: () => undefined });
    await expect(signWith()).rejects.toMatchObject({ code: 'PCTL-SIGN-KEY', exit: 2 });
    repo.git('config', 'user.signingkey', '0xDEADBEEF');
    await expect(signWith(), 'a GPG key is none').rejects.toMatchObject({ code: 'PCTL-SIGN-KEY' });
    repo.git('config', 'user.signingkey', join(keys, 'bob.pub'));
    expect(await signWith()).toMatchObject({ principal: 'bob@example.net' });
  });

  it('mode self: without a terminal it needs a signature, and the author counts, as self-approved', async () => {
    const repo = platformRepo('mode: self');
    const { file } = keep(repo);
    expect(await explain(repo, file)).toMatchObject({ exitCode: 5, approved: false });
    await sign(repo, 'alice', file);
    expect(await explain(repo, file)).toMatchObject({ exitCode: 0, approved: true, selfApproved: true });
  });

  it('C-1: explain-approval prints each with why, and its document follows the schema', async () => {
    const repo = platformRepo();
    const { plan, file } = keep(repo);
    await sign(repo, 'alice', file);
    const result = await explain(repo, file);
    const check = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync('schemas/explain-approval.schema.json', 'utf8')),
    );
    expect(check(explainJson(result)), JSON.stringify(check.errors)).toBe(true);
    const text = explainText(result, false)
      .replaceAll(plan.digest.slice(0, 12), '<digest>')
      .replaceAll(plan.source_sha.slice(0, 7), '<sha>');
    expect(text).toMatchInlineSnapshot(`
      "web, plan <digest>: not approved (0 of 1)

        does not    PCTL-APPROVAL-AUTHOR  alice's signature does not count: alice wrote <sha>
        PCTL-APPROVAL-MISSING  needs 1 approval by bob@example.net or carol@example.net; has 0

      authors are those of the manifest and the files of the plan, ever: no apply is known here
      hint: bob or carol: platformctl approve web   (exit 5)
      "
    `);
  });
});

describe('G-1: where the policy comes from', () => {
  const resolve = async (
    repo: Repo,
    options: { policyRef?: string; asking?: boolean; env?: Record<string, string> } = {},
  ) => {
    const world = makeWorld(repo.dir, options.env);
    const named = options.policyRef === undefined ? {} : { policyRef: options.policyRef };
    return resolvePolicy(
      world,
      await world.openGit(repo.dir),
      { asking: options.asking ?? true, ...named },
      readPlatform,
    );
  };
  const withServer = () => {
    const server = track(makeRepo({ bare: true }));
    const author = platformRepo();
    author.git('remote', 'add', 'origin', server.dir);
    author.git('push', '-q', 'origin', 'main');
    return { server, author, clone: track(makeRepo({ clone: server.dir })) };
  };

  it('no remote: the branch that HEAD is on; a detached HEAD is a failure', async () => {
    const repo = platformRepo();
    expect(await resolve(repo)).toMatchObject({ ref: 'main', sha: repo.git('rev-parse', 'HEAD') });
    repo.git('checkout', '-q', '--detach');
    await expect(resolve(repo)).rejects.toMatchObject({ code: 'PCTL-POLICY-DETACHED', exit: 4 });
    expect(await resolve(repo, { policyRef: 'main' })).toMatchObject({ ref: 'main' });
    await expect(resolve(repo, { policyRef: 'nope' })).rejects.toMatchObject({ code: 'PCTL-POLICY-UNKNOWN', exit: 4 });
    await expect(resolve(repo, { policyRef: '--upload-pack=x' })).rejects.toMatchObject({ code: 'PCTL-GIT-REF' });
  });

  it('a config weakened in the commit that is judged does not judge; the old one does', async () => {
    const { clone } = withServer();
    const old = clone.git('rev-parse', 'HEAD');
    clone.write('.platform/config.yaml', config('mode: self'));
    clone.write('.platform/allowed_signers', signers(['eve@example.net', 'eve']));
    clone.commit('weaken', 'eve@example.net');
    for (const asking of [true, false]) {
      const policy = await resolve(clone, { asking });
      expect(policy.sha).toBe(old);
      expect(policy.platform.approval.modes).toEqual(['signature']);
      expect(Buffer.from(policy.allowedSigners ?? []).toString()).not.toContain('eve');
    }
  });

  it('apply asks the remote now and fetches what it lacks; plan takes what the last fetch left', async () => {
    const { author, clone } = withServer();
    const old = clone.git('rev-parse', 'HEAD');
    author.write('.platform/config.yaml', config('mode: signature, required: 2'));
    const now = author.commit('two eyes more', 'carol@example.net');
    author.git('push', '-q', 'origin', 'main');
    expect(await resolve(clone, { asking: false })).toMatchObject({ sha: old });
    const asked = await resolve(clone);
    expect(asked).toMatchObject({ sha: now, ref: 'main' });
    expect(asked.platform.approval.required).toBe(2);
    for (const policyRef of ['main', 'origin/main', 'refs/heads/main', 'refs/remotes/origin/main']) {
      expect(await resolve(clone, { policyRef })).toMatchObject({ sha: now, ref: 'main' });
    }
  });

  it('without an answer only a SHA goes on', async () => {
    const { server, clone } = withServer();
    const sha = clone.git('rev-parse', 'HEAD');
    server.remove();
    await expect(resolve(clone)).rejects.toMatchObject({ code: 'PCTL-POLICY-REMOTE', exit: 4 });
    await expect(resolve(clone, { policyRef: 'main' })).rejects.toMatchObject({ code: 'PCTL-POLICY-REMOTE' });
    expect(await resolve(clone, { policyRef: sha })).toMatchObject({
      ref: sha,
      sha,
      how: '--policy-ref names the commit',
    });
    expect(await resolve(clone, { env: { PLATFORMCTL_POLICY_REF: sha } })).toMatchObject({
      ref: sha,
      how: 'PLATFORMCTL_POLICY_REF names the commit',
    });
  });

  it('several remotes without origin; with it', async () => {
    const { server, clone } = withServer();
    clone.git('remote', 'rename', 'origin', 'one');
    expect(await resolve(clone)).toMatchObject({ ref: 'main' });
    clone.git('remote', 'add', 'two', server.dir);
    await expect(resolve(clone)).rejects.toMatchObject({ code: 'PCTL-POLICY-REMOTE', exit: 4 });
    expect(await resolve(clone, { policyRef: 'two/main' })).toMatchObject({ ref: 'main' });
    clone.git('remote', 'rename', 'one', 'origin');
    expect(await resolve(clone)).toMatchObject({ ref: 'main' });
  });

  it('a shallow checkout without the commit says fetch-depth: 0', async () => {
    const { server, author } = withServer();
    const shallow = track(makeRepo({ clone: `file://${server.dir}`, args: ['--depth', '1'] }));
    expect(await resolve(shallow)).toMatchObject({ ref: 'main' });
    const { plan } = keep(shallow);
    const git = await makeWorld(shallow.dir).openGit(shallow.dir);
    await expect(authorsOf(git, plan, { manifestPath: null, repoRoot: '' }, since(null))).rejects.toMatchObject({
      code: 'PCTL-GIT-SHALLOW',
      exit: 2,
      hint: expect.stringContaining('fetch-depth: 0'),
    });
    author.write('x', '1');
    author.commit('next', 'carol@example.net');
    author.git('push', '-q', 'origin', 'main');
    await expect(resolve(shallow)).rejects.toMatchObject({
      code: 'PCTL-GIT-SHALLOW',
      exit: 2,
      hint: expect.stringContaining('fetch-depth: 0'),
    });
  });

  it('no config, a bad config', async () => {
    const repo = track(makeRepo());
    repo.commit('empty');
    await expect(resolve(repo)).rejects.toMatchObject({ code: 'PCTL-POLICY-CONFIG', exit: 3 });
    repo.write('.platform/config.yaml', 'kind: [');
    repo.commit('bad');
    await expect(resolve(repo)).rejects.toMatchObject({ exit: 3 });
  });

  it('the digest covers what judges this module and nothing else', async () => {
    const policy = await resolve(platformRepo());
    const { platform, allowedSigners } = policy;
    const digest = policyDigest(platform, 'web', 'rs2000', allowedSigners);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const exception = (module: string) => ({ module, rule: 'privileged', value: null, reason: 'r', expires: null });
    const other = (change: Partial<typeof platform>) =>
      policyDigest({ ...platform, ...change }, 'web', 'rs2000', allowedSigners);
    const host = platform.hosts.get('rs2000')!;
    expect(other({ policy: { ...platform.policy, allow: [exception('db')] } })).toBe(digest);
    expect(other({ hosts: new Map([...platform.hosts, ['nas', { ...host, name: 'nas' }]]) })).toBe(digest);
    for (const changed of [
      other({ policy: { ...platform.policy, allow: [exception('web')] } }),
      other({ policy: { ...platform.policy, bindRoots: ['/mnt'] } }),
      other({ approval: { ...platform.approval, required: 2 } }),
      other({ hosts: new Map([['rs2000', { ...host, address: 'x' }]]) }),
      other({ protectedRef: 'dev' }),
      policyDigest(platform, 'web', 'rs2000', new Uint8Array([1])),
      policyDigest(platform, 'web', 'rs2000', null),
    ]) {
      expect(changed).not.toBe(digest);
    }
    // A host far along the way judges too: whoever stands there sees the connection.
    const through = (key: string) =>
      other({
        hosts: new Map([
          ['rs2000', { ...host, jump: ['near'] }],
          ['near', { ...host, name: 'near', jump: ['far'] }],
          ['far', { ...host, name: 'far', jump: ['near'], hostKey: key }],
        ]),
      });
    expect(through('ssh-ed25519 A')).not.toBe(through('ssh-ed25519 B'));
  });
});
