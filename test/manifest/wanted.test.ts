import { afterEach, describe, expect, it } from 'vitest';
import { moduleProblems, selected } from '../../src/flows/plan-selection.js';
import { prepare } from '../../src/flows/prepare.js';
import { planReferences } from '../../src/flows/references.js';
import { gatherWanted } from '../../src/flows/wanted.js';
import type { Git, TreeEntry, WorkTree } from '../../src/ports.js';
import { makeRepo, type Repo, worldOf } from './repo.js';
import { CONFIG, MODULE, moduleText } from './samples.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

async function open(
  changes = {},
): Promise<{ repo: Repo; git: Git; world: ReturnType<typeof worldOf>['world']; sha: string }> {
  repo = makeRepo(changes);
  const sha = repo.commit();
  const { world } = worldOf(repo);
  return { repo, git: await world.openGit(repo.root), world, sha };
}

describe('from a commit (M-4)', () => {
  it('the work tree has no say', async () => {
    const { repo: r, git, world, sha } = await open();
    r.write({ 'modules/web/module.yaml': 'broken: [', 'modules/new/module.yaml': 'x' });
    const gathered = await gatherWanted(world, git, { sha });
    expect(gathered.wanted.problems).toEqual([]);
    expect([...gathered.wanted.modules.keys()]).toEqual(['web']);
    expect(gathered).toMatchObject({ sha, branch: 'main', workTree: false, dirtyPaths: [] });
    const bytes = await gathered.read(['modules/web/module.yaml', 'nowhere', 'modules/new/module.yaml']);
    expect([...bytes].map(([path, text]) => [path, new TextDecoder().decode(text)])).toEqual([
      ['modules/web/module.yaml', MODULE],
    ]);
    expect(new TextDecoder().decode(gathered.platformBytes)).toBe(CONFIG);
  });

  it('an older commit has no branch', async () => {
    const { repo: r, git, world, sha } = await open();
    r.write({ x: '1' });
    r.commit();
    expect((await gatherWanted(world, git, { sha })).branch).toBe(null);
  });

  it('1,000 modules in one pass: one tree, one batch of blobs (M-5)', async () => {
    const entries: TreeEntry[] = [];
    const blobs = new Map<string, Uint8Array>();
    const add = (path: string, text: string): void => {
      const id = entries.length.toString(16).padStart(40, '0');
      entries.push({ path, mode: '100644', id, size: text.length });
      blobs.set(id, new TextEncoder().encode(text));
    };
    add('.platform/config.yaml', CONFIG);
    add('compose/web.yaml', '');
    for (let at = 0; at < 1000; at++) add(`modules/m${at}/module.yaml`, moduleText(`m${at}`));
    const calls: string[] = [];
    const git = {
      root: '/nowhere',
      head: async () => {
        calls.push('head');
        return { sha: 'a'.repeat(40), branch: 'main' };
      },
      tree: async () => {
        calls.push('tree');
        return entries;
      },
      blobs: async (ids: readonly string[]) => {
        calls.push(`blobs ${ids.length}`);
        return blobs;
      },
    } as unknown as Git;
    const { wanted } = await gatherWanted({}, git, { sha: 'a'.repeat(40) });
    expect(wanted.modules.size).toBe(1000);
    expect(wanted.problems).toEqual([]);
    expect(calls).toEqual(['head', 'tree', 'blobs 1001']);
  });

  it('a manifest of 50 MB is not read, and told at its place (M-3)', async () => {
    const entries: TreeEntry[] = [
      { path: '.platform/config.yaml', mode: '100644', id: '1', size: CONFIG.length },
      { path: 'modules/big/module.yaml', mode: '100644', id: '2', size: 50_000_000 },
    ];
    const git = {
      root: '/nowhere',
      head: async () => ({ sha: 'a', branch: null }),
      tree: async () => entries,
      blobs: async (ids: readonly string[]) => {
        expect(ids).toEqual(['1']);
        return new Map([['1', new TextEncoder().encode(CONFIG)]]);
      },
    } as unknown as Git;
    const { wanted } = await gatherWanted({}, git, { sha: 'a' });
    expect(wanted.problems.map(({ file, code }) => [file, code])).toEqual([
      ['modules/big/module.yaml', 'PCTL-YAML-SIZE'],
    ]);
  });

  it('a compose file of 50 MB is not read, and told of each module that names it (M-3)', async () => {
    const entries: TreeEntry[] = [
      { path: '.platform/config.yaml', mode: '100644', id: '1', size: CONFIG.length },
      { path: 'modules/web/module.yaml', mode: '100644', id: '2', size: MODULE.length },
      { path: 'compose/web.yaml', mode: '100644', id: '3', size: 50_000_000 },
    ];
    const texts = new Map([CONFIG, MODULE].map((text, at) => [`${at + 1}`, new TextEncoder().encode(text)]));
    const git = {
      root: '/nowhere',
      head: async () => ({ sha: 'a', branch: null }),
      tree: async () => entries,
      blobs: async (ids: readonly string[]) => {
        expect(ids).not.toContain('3');
        return texts;
      },
    } as unknown as Git;
    const gathered = await gatherWanted({}, git, { sha: 'a' });
    const { errors } = await prepare(gathered, gathered.wanted.platform, ['web'], '2026-01-01');
    expect(errors.map(({ module, code, where, exitCode }) => [module, code, where?.file, exitCode])).toEqual([
      ['web', 'PCTL-YAML-SIZE', 'compose/web.yaml', 3],
    ]);
  });
});

describe('--changed-since: files that a module names outside of its folders', () => {
  const FILES = {
    'compose/web.yaml': null,
    'stacks/web/compose.yaml':
      'services:\n  web:\n    image: a:1\n    env_file: [../shared/web.env]\n    volumes: ["../shared/conf.d:/conf.d:ro", "../data/${NAME}:/data"]\n    secrets: [key]\n  idle: { image: a:1 }\nsecrets: { key: { file: ../../keys/web.pub } }\n',
    'stacks/shared/web.env': 'A=1\n',
    'stacks/shared/conf.d/a.conf': '1\n',
    'keys/web.pub': '1\n',
    'stacks/api/compose.yaml': 'services:\n  api: { image: a:1 }\n',
    'modules/web/module.yaml': moduleText('web', '', 'stacks/web/compose.yaml', ', files: [extra/web.txt]'),
    'modules/api/module.yaml': moduleText('api', '', 'stacks/api/compose.yaml'),
    'extra/web.txt': '1\n',
  };
  it.each([
    ['an env file', { 'stacks/shared/web.env': 'A=2\n' }, ['web']],
    ['a file of a mounted folder', { 'stacks/shared/conf.d/a.conf': '2\n' }, ['web']],
    ['a new one there', { 'stacks/shared/conf.d/b.conf': '2\n' }, ['web']],
    ['a secret', { 'keys/web.pub': '2\n' }, ['web']],
    ['one of the manifest', { 'extra/web.txt': '2\n' }, ['web']],
    ['one that is gone', { 'stacks/shared/web.env': null }, ['web']],
    ['nobody names it', { 'stacks/shared/other': '1\n', 'keys/other.pub': '1\n' }, []],
  ])('%s', async (_, changes, ids) => {
    const { repo: r, git, world, sha } = await open(FILES);
    const { rmSync } = await import('node:fs');
    for (const [path, text] of Object.entries(changes)) if (text === null) rmSync(`${r.root}/${path}`);
    r.write(changes);
    const gathered = await gatherWanted(world, git, { sha: r.commit() });
    const found = await selected(git, gathered, { ids: [], changedSince: sha });
    expect([found.ids, found.leftOut]).toEqual([ids, 2 - ids.length]);
    expect(found.compose.size).toBe(2);
  });
});

describe('a stack of a commit (M-9)', () => {
  const S = 'modules/shop/stack.yaml';
  const STACK = `apiVersion: platformctl/v1
kind: Stack
metadata: { id: shop }
spec:
  host: one
  runtime: { compose_file: compose/shop.yaml }
  services: { server: {}, database: {} }
`;
  const SHOP = 'services:\n  server: { image: a:1, depends_on: [database] }\n  database: { image: a:1 }\n';

  it('knows from its compose file what its modules depend on, in one more batch of blobs (M-5)', async () => {
    const { repo: r, git, world, sha } = await open({ [S]: STACK, 'compose/shop.yaml': SHOP });
    r.write({ [S]: 'broken: [', 'compose/shop.yaml': 'broken: [' });
    const calls: string[] = [];
    const blobs: Git['blobs'] = (ids, max) => {
      calls.push(`blobs ${ids.length}`);
      return git.blobs(ids, max);
    };
    const gathered = await gatherWanted(world, { ...git, blobs }, { sha });
    expect(gathered.wanted.problems).toEqual([]);
    expect(gathered.wanted.modules.get('shop-server')?.dependsOn).toEqual(['shop-database']);
    expect([...gathered.compose.keys()]).toEqual(['compose/shop.yaml']);
    expect(calls).toEqual(['blobs 3', 'blobs 1']);
  });

  it('its name stands for its kept plans as HEAD has it, whatever the work tree says (M-4)', async () => {
    const { repo: r, git, world } = await open({ [S]: STACK, 'compose/shop.yaml': SHOP });
    r.write({ [S]: STACK.replace('database: {}', 'database: {}, cache: {}') });
    expect(await planReferences(world, git, ['web', 'shop', './shop'])).toEqual([
      'web',
      'shop-database',
      'shop-server',
      './shop',
    ]);
    expect(await planReferences(world, git, ['web', 'web', 'nothing'])).toEqual(['web', 'nothing']);
  });

  it.each([
    [
      'the stack',
      { [S]: STACK.replace('database: {}', 'database: { protected: true }') },
      ['shop-database', 'shop-server'],
    ],
    ['its compose file', { 'compose/shop.yaml': `${SHOP}# x\n` }, ['shop-database', 'shop-server', 'web']],
    ['a file beside the stack', { 'modules/shop/x': '1' }, ['shop-database', 'shop-server']],
    ['another module', { 'modules/web/x': '1' }, ['web']],
  ])('--changed-since: %s changed', async (_, changes, ids) => {
    const { repo: r, git, world, sha } = await open({ [S]: STACK, 'compose/shop.yaml': SHOP });
    r.write(changes);
    const gathered = await gatherWanted(world, git, { sha: r.commit() });
    const found = await selected(git, gathered, { ids: [], changedSince: sha });
    expect([...found.ids].sort()).toEqual(ids);
    expect(found.leftOut).toBe(3 - ids.length);
  });

  it('what is wrong with it stops its modules and nobody else (P-9), also where it cannot be read', async () => {
    const { git, world, sha } = await open({ [S]: STACK.replace('database: {}', 'database: { typo: 1 }') });
    const gathered = await gatherWanted(world, git, { sha });
    const { ids } = await selected(git, gathered, { ids: [] });
    expect(ids).toEqual(['shop-database', 'shop-server', 'web']);
    expect(moduleProblems(gathered, ids).map(({ module, where }) => `${module} ${where?.file}:${where?.line}`)).toEqual(
      [
        'shop-database modules/shop/stack.yaml:6',
        'shop-server modules/shop/stack.yaml:6',
        'shop-database modules/shop/stack.yaml:7',
        'shop-server modules/shop/stack.yaml:7',
      ],
    );
    repo?.write({ [S]: 'broken: [' });
    const broken = await gatherWanted(world, git, { workTree: true });
    expect((await selected(git, broken, { ids: ['shop'] })).ids).toEqual(['shop']);
    const named = await selected(git, broken, { ids: ['web', 'shop-server'] });
    expect(moduleProblems(broken, named.ids)).toMatchObject([{ module: 'shop-server', code: 'PCTL-YAML-SYNTAX' }]);
    await expect(selected(git, broken, { ids: ['shopping'] })).rejects.toMatchObject({ code: 'PCTL-MODULE-UNKNOWN' });
  });
});

describe('from the work tree (M-4)', () => {
  it('what is there now, with the ids that git would give', async () => {
    const {
      repo: r,
      git,
      world,
      sha,
    } = await open({
      '.gitignore': 'ignored\n',
      'a/kept': '1',
      'a/gone': '2',
      'a/mode': { text: '3', mode: '100644' },
    });
    r.write({
      'modules/web/module.yaml': `${MODULE}# changed\n`,
      'modules/new/module.yaml': moduleText('new'),
      ignored: 'x',
      'a/mode': { text: '3', mode: '100755' },
      'a/link': { text: 'kept', mode: '120000' },
    });
    r.git('rm', '-q', '--cached', 'a/gone');
    r.git('update-index', '--assume-unchanged', 'modules/web/module.yaml');
    const { rmSync } = await import('node:fs');
    rmSync(`${r.root}/a/gone`);
    const gathered = await gatherWanted(world, git, { workTree: true });
    expect(gathered).toMatchObject({ sha, branch: 'main', workTree: true });
    expect(gathered.dirtyPaths).toEqual([
      'a/gone',
      'a/link',
      'a/mode',
      'modules/new/module.yaml',
      'modules/web/module.yaml',
    ]);
    expect([...gathered.wanted.modules.keys()]).toEqual(['new', 'web']);
    expect(gathered.entries.has('ignored')).toBe(false);
    const kept = gathered.entries.get('a/kept');
    expect(kept).toEqual((await git.tree(sha)).find(({ path }) => path === 'a/kept'));
    expect(gathered.entries.get('a/link')?.mode).toBe('120000');
    expect([...(await gathered.read(['a/link', 'a/kept'])).keys()]).toEqual(['a/kept']);
  });

  it('large files are hashed a piece at a time: memory does not grow with them', async () => {
    const { repo: r, world } = await open();
    const { truncateSync, writeFileSync } = await import('node:fs');
    const size = 80 * 1024 * 1024;
    for (const name of ['one', 'two', 'three']) {
      writeFileSync(`${r.root}/${name}`, '');
      truncateSync(`${r.root}/${name}`, size);
    }
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 1);
    const entries = await (world.workTree as WorkTree).entries(r.root);
    clearInterval(watch);
    expect(most).toBeLessThan(48 * 1024 * 1024);
    expect(entries.find(({ path }) => path === 'two')).toEqual({
      path: 'two',
      mode: '100644',
      id: r.git('hash-object', 'two'),
      size,
    });
  });

  it('a file that became a link since it was listed is not followed', async () => {
    const { repo: r, world } = await open({ 'a/secret': 'x' });
    r.write({ 'a/link': { text: 'secret', mode: '120000' } });
    expect(await (world.workTree as WorkTree).read(r.root, 'a/link', 100)).toBe(null);
  });

  it('a repository inside, also an uncommitted one, is a submodule (M-4)', async () => {
    const { repo: r, git, world } = await open();
    r.write({ 'modules/sub/module.yaml': MODULE });
    const { execFileSync } = await import('node:child_process');
    execFileSync('git', ['init', '-q'], { cwd: `${r.root}/modules/sub` });
    const gathered = await gatherWanted(world, git, { workTree: true });
    expect(gathered.wanted.problems.map(({ file, code }) => [file, code])).toEqual([
      ['modules/sub', 'PCTL-PATH-SUBMODULE'],
    ]);
  });

  it('a repo without a commit: only where the caller can live with it', async () => {
    repo = makeRepo();
    const { world } = worldOf(repo);
    const git = await world.openGit(repo.root);
    await expect(gatherWanted(world, git, { workTree: true })).rejects.toMatchObject({ code: 'PCTL-GIT-NO-COMMIT' });
    expect((await gatherWanted(world, git, { workTree: true, withoutCommit: true })).sha).toBe('');
  });
});
