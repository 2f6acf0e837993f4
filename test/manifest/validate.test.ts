import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/validate.js';
import { makeRepo, type Repo, worldOf } from './repo.js';
import { type Changes, CONFIG, moduleText } from './samples.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

async function validate(changes: Changes, json = false): Promise<{ code: number; text: string }> {
  repo = makeRepo(changes);
  const { world, out } = worldOf(repo);
  return { code: await run(world, [], { json }), text: out.join('') };
}

const BAD: Changes = {
  '.platform/config.yaml': CONFIG.replace('/opt/platform', '/etc/platform').replace(
    'address: one',
    'user: root, address: one',
  ),
  '.platform/allowed_signers': '*@example.net ssh-ed25519 AAAA\n',
  'modules/web/module.yaml': moduleText(
    'web',
    '  smoke: { stable_seconds: 0 }\n  protectd: true\n  depends_on: [wep]\n  pre_apply: [web.backup]\n',
    'compose/wed.yaml',
    ', compose_service: "-x $(id)"',
  ),
  'modules/evil/module.yaml': 'a: &a [*a]\n__proto__: 1\na: 2\n',
  'modules/api/module.yaml': moduleText('api', '', 'compose/api.yaml'),
  'modules/two/module.yaml': moduleText('two', '', 'compose/api.yaml', ', compose_service: api'),
  'compose/api.yaml': 'services:\n  api:\n    image: x:1\n    env_file: [secret.env]\n',
  'modules/web/link': { text: '/etc/passwd', mode: '120000' },
};

describe('platformctl validate', () => {
  it('a valid repo is 0, straight after init and without a commit', async () => {
    const { code, text } = await validate({});
    expect(text).toMatchInlineSnapshot(`
      "valid: 1 module on 2 hosts
      "
    `);
    expect(code).toBe(0);
  });

  it('tells every problem of every file in one go (M-2, M-4, M-8, M-11)', async () => {
    const { code, text } = await validate(BAD);
    await expect(text).toMatchFileSnapshot('golden/validate.txt');
    expect(code).toBe(3);
  });

  it.each([50, 70])('a manifest and a compose file of %i MB are refused by their size (M-3)', async (megabytes) => {
    const huge = '#'.repeat(megabytes * 1_000_000);
    const changes = { 'compose/web.yaml': huge, 'modules/big/module.yaml': huge };
    const { code, text } = await validate(changes);
    expect(text.match(/[^\n]*PCTL-YAML-SIZE[^\n]*/g)).toHaveLength(2);
    expect(text).toContain('compose/web.yaml:1:1');
    expect(text).toContain('modules/big/module.yaml:1:1');
    expect(code).toBe(3);
  });

  it('--json follows its schema (C-1)', async () => {
    const { code, text } = await validate(BAD, true);
    const document = JSON.parse(text);
    const follows = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync('schemas/validate.schema.json', 'utf8')),
    );
    expect(follows(document), JSON.stringify(follows.errors)).toBe(true);
    expect(document.exitCode).toBe(code);
    expect(document.problems).toContainEqual({
      code: 'PCTL-GATE-SACRED',
      file: '.platform/config.yaml',
      line: 3,
      column: 1,
      message: 'remote_root /etc/platform cannot be used: /etc is sacred',
      hint: 'a folder of its own, such as /opt/platform',
    });
  });

  it('reads the work tree: what git ignores is not in it', async () => {
    const { text } = await validate({
      '.gitignore': '.env\nsecret.env\n',
      'compose/.env': 'A=1\n',
      'modules/web/module.yaml': moduleText('web', '', 'compose/web.yaml', ', host_files: [.env]'),
    });
    expect(text).toContain('valid: 1 module');
  });

  it('this repository is a valid platform repo itself', async () => {
    const { openGit } = await import('../../src/adapters/git/git.js');
    const { workTree } = await import('../../src/adapters/git/listing.js');
    repo = makeRepo();
    const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
    const { world, out } = worldOf(repo, { openGit: () => openGit(process.cwd(), env), workTree: workTree(env) });
    expect([await run(world, [], {}), out.join('')]).toEqual([0, 'valid: 2 modules on 1 host\n']);
  });
});
