import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/init.js';
import { run as validate } from '../../src/commands/validate.js';
import { parseAllowedSigners } from '../../src/gate/allowed-signers.js';
import { makeRepo, type Repo, worldOf } from './repo.js';

let repo: Repo;
afterEach(() => repo.remove());

const read = (path: string): string => readFileSync(`${repo.root}/${path}`, 'utf8');

describe('platformctl init (M-7)', () => {
  it.each([
    ['--solo', { solo: true }, 'golden/init-solo.txt'],
    ['--team', { team: true }, 'golden/init-team.txt'],
  ])('%s writes what validates as it is', async (_, options, golden) => {
    repo = makeRepo(null);
    const { world, out } = worldOf(repo);
    expect(await run(world, [], options)).toBe(0);
    await expect(`${out.join('')}\n--- .platform/config.yaml\n${read('.platform/config.yaml')}`).toMatchFileSnapshot(
      golden,
    );
    out.length = 0;
    expect([await validate(world, [], {}), out.join('')]).toEqual([0, 'valid: 1 module on 1 host\n']);
    expect(parseAllowedSigners(readFileSync(`${repo.root}/.platform/allowed_signers`), 'f').problems).toEqual([]);
    expect(read('.gitignore')).toContain('.platform/state/\n');
  });

  it('the files besides the config', async () => {
    repo = makeRepo(null);
    await run(worldOf(repo).world, [], { solo: true });
    const shown = [
      'modules/hello/module.yaml',
      'modules/hello/compose.yaml',
      '.platform/allowed_signers',
      '.gitignore',
      '.forgejo/workflows/platformctl.yaml',
    ];
    await expect(shown.map((path) => `--- ${path}\n${read(path)}`).join('')).toMatchFileSnapshot(
      'golden/init-files.txt',
    );
  });

  it('never overwrites: a second time everything is kept, byte for byte', async () => {
    repo = makeRepo(null);
    const { world, out } = worldOf(repo);
    repo.write({
      '.gitignore': 'node_modules',
      '.platform/config.yaml': 'mine',
      '.platform/allowed_signers': 'mine too',
    });
    await run(world, [], { solo: true, json: true });
    const first = JSON.parse(out.join(''));
    expect(first.files).toEqual([
      { path: '.platform/config.yaml', state: 'kept' },
      { path: '.platform/allowed_signers', state: 'kept' },
      { path: '.forgejo/workflows/platformctl.yaml', state: 'written' },
      { path: '.gitignore', state: 'extended' },
    ]);
    expect([read('.platform/config.yaml'), read('.platform/allowed_signers'), read('.gitignore')]).toEqual([
      'mine',
      'mine too',
      'node_modules\n.platform/state/\n',
    ]);
    out.length = 0;
    await run(world, [], { json: true });
    const second = JSON.parse(out.join(''));
    expect(second.files.map(({ state }: { state: string }) => state)).toEqual(['kept', 'kept', 'kept', 'kept']);
    const follows = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync('schemas/init.schema.json', 'utf8')),
    );
    for (const document of [first, second]) expect(follows(document), JSON.stringify(follows.errors)).toBe(true);
  });

  it('modules that are there get no first module beside them', async () => {
    repo = makeRepo({ '.platform/config.yaml': null });
    await run(worldOf(repo).world, [], { solo: true });
    expect(existsSync(`${repo.root}/modules/hello`)).toBe(false);
  });

  it.each([
    ['1', 'mode: self'],
    ['', 'mode: self'],
    ['2', 'mode: signature'],
    ['team', 'mode: signature'],
  ])('asks on a terminal: %j', async (answer, mode) => {
    repo = makeRepo(null);
    const { world, asked } = worldOf(repo, { answers: ['what?', answer] });
    await run(world, [], {});
    expect(asked.length).toBe(2);
    expect(read('.platform/config.yaml')).toContain(mode);
  });

  it('without a terminal, or without an answer, it names the flag and writes nothing (C-4)', async () => {
    repo = makeRepo(null);
    for (const { world } of [worldOf(repo), worldOf(repo, { answers: [null] })]) {
      await expect(run(world, [], {})).rejects.toMatchObject({
        code: 'PCTL-INIT-WHO',
        exit: 2,
        hint: expect.stringContaining('--solo'),
      });
    }
    await expect(run(worldOf(repo).world, [], { solo: true, team: true })).rejects.toMatchObject({
      code: 'PCTL-USAGE',
      exit: 2,
    });
    expect(existsSync(`${repo.root}/.platform`)).toBe(false);
  });

  it.each([
    ['git@github.com:o/r.git', '.github'],
    ['https://github.com/o/r', '.github'],
    ['https://git.example.net/github.com/r', '.forgejo'],
    ['https://git.example.net/o/r.git', '.forgejo'],
  ])('remote %s: %s', async (url, folder) => {
    repo = makeRepo(null);
    repo.git('remote', 'add', 'origin', url);
    await run(worldOf(repo).world, [], { solo: true });
    expect(existsSync(`${repo.root}/${folder}/workflows/platformctl.yaml`)).toBe(true);
  });

  it('a folder that is there tells the forge', async () => {
    repo = makeRepo(null);
    repo.write({ '.gitea/x': '' });
    await run(worldOf(repo).world, [], { solo: true });
    expect(existsSync(`${repo.root}/.gitea/workflows/platformctl.yaml`)).toBe(true);
  });

  it('the branch is the one that HEAD is on, before the first commit and after it', async () => {
    repo = makeRepo(null);
    repo.git('symbolic-ref', 'HEAD', 'refs/heads/trunk');
    await run(worldOf(repo).world, [], { solo: true });
    expect(read('.platform/config.yaml')).toContain('protected_ref: trunk\n');
  });

  it("git's address and signing key become a line of allowed_signers", async () => {
    repo = makeRepo(null);
    repo.git('config', 'user.email', 'alice@example.net');
    repo.git(
      'config',
      'user.signingkey',
      'key::ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJNm2q2Hk8m0h1qWcZ3r0Tn5yqk3XvQm1o9f3b7l2c5d comment',
    );
    await run(worldOf(repo).world, [], { solo: true });
    expect(read('.platform/allowed_signers')).toMatch(/^alice@example\.net ssh-ed25519 AAAA\S+$/m);
  });

  it.each([
    ['/root', '/opt/platform'],
    ['/home/somebody', '/home/somebody/platform-services'],
    ['relative', '/opt/platform'],
    ['/home/so me', '/opt/platform'],
  ])('HOME %s: services lie in %s', async (home, root) => {
    repo = makeRepo(null);
    await run(worldOf(repo, { home }).world, [], { solo: true });
    expect(read('.platform/config.yaml')).toContain(`remote_root: ${root}\n`);
  });
});
