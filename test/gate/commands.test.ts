/** `approve` and `explain-approval` as commands: flags to flow, what goes to stdout and to stderr. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run as approve } from '../../src/commands/approve.js';
import { run as explain } from '../../src/commands/explain-approval.js';
import { planBytes } from '../../src/plan/artifact.js';
import { makeRepo, type Repo } from '../adapters/git/repo.js';
import { makePlan } from './facts.js';
import { makeWorld } from './world.js';

let repo: Repo;
let file: string;
beforeEach(() => {
  repo = makeRepo();
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(repo.dir, 'key')]);
  repo.write('.gitignore', 'key*\n*.plan.json*\n.platform/state\n');
  repo.write('.platform/allowed_signers', `bob@example.net ${readFileSync(join(repo.dir, 'key.pub'), 'utf8')}`);
  repo.write(
    '.platform/config.yaml',
    'apiVersion: platformctl/v1\nkind: Platform\nremote_root: /opt/platform\nprotected_ref: main\nhosts:\n  rs2000: { transport: local }\napproval: { mode: signature }\n',
  );
  const sha = repo.commit('all', 'alice@example.net');
  const plan = makePlan({ source_sha: sha, policy: { ref: 'main', sha, digest: '2'.repeat(64) } });
  file = join(repo.dir, '.platform/state/plans/web.plan.json');
  repo.write('.platform/state/plans/web.plan.json', '');
  writeFileSync(file, planBytes(plan));
});
afterEach(() => repo.remove());

const follows = (schema: string, text: string) => {
  const check = new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync(`schemas/${schema}.schema.json`, 'utf8')),
  );
  expect(check(JSON.parse(text)), JSON.stringify(check.errors)).toBe(true);
};

it('P-1, C-1: a kept plan by its id: shown on stderr, signed, explained; documents follow their schemas', async () => {
  const world = makeWorld(repo.dir);
  expect(await approve(world, ['web'], { key: 'key', json: true })).toBe(0);
  expect(world.err.join('')).toContain('web');
  follows('approve', world.out.join(''));
  expect(JSON.parse(world.out.join(''))).toMatchObject({
    principal: 'bob@example.net',
    files: [`${file}.sig`],
    exitCode: 0,
  });
  const second = makeWorld(repo.dir);
  expect(await explain(second, ['web'], { json: true })).toBe(0);
  follows('explain-approval', second.out.join(''));
  expect(JSON.parse(second.out.join(''))).toMatchObject({
    counted: 1,
    required: 1,
    approvals: [{ counts: true, principal: 'bob@example.net' }],
  });
});

it('C-1: text', async () => {
  const world = makeWorld(repo.dir);
  expect(await explain(world, ['web'], {})).toBe(5);
  expect(world.out.join('')).toContain('no signature was found');
  expect(await approve(world, ['web'], { key: 'key' })).toBe(0);
  expect(world.out.at(-1)).toMatch(
    /^signed by bob@example\.net \(SHA256:\S+\): plan [0-9a-f]{12}\n {2}\/\S+\.sig\nnext: platformctl apply web; /,
  );
});

it.each([
  [approve, []],
  [explain, []],
  [explain, ['a', 'b']],
])('7-cli: wrong usage is 2', async (run, args) => {
  await expect(run(makeWorld(repo.dir), args, {})).rejects.toMatchObject({ code: 'PCTL-USAGE', exit: 2 });
});

it('a plan that is not there', async () => {
  await expect(approve(makeWorld(repo.dir), ['nope'], {})).rejects.toMatchObject({ code: 'PCTL-PLAN-NOT-FOUND' });
});
