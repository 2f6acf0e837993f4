import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openGit, parseLsRemote } from '../../../src/adapters/git/git.js';
import { coauthors } from '../../../src/adapters/git/history.js';
import { isRefName } from '../../../src/adapters/git/names.js';
import { childEnvironment } from '../../../src/adapters/git/process.js';
import { makeRepo, type Repo, testEnvironment } from './repo.js';

const made: Repo[] = [];
const repo = (options?: Parameters<typeof makeRepo>[0]) => {
  const it = makeRepo(options);
  made.push(it);
  return it;
};
const open = (r: Repo, env: Record<string, string> = {}) => openGit(r.dir, { ...testEnvironment(r.dir), ...env });
afterEach(() => {
  for (const r of made.splice(0)) r.remove();
});
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe('a repository as it is opened', () => {
  it('finds the root from a folder beneath it, the branch and the SHA', async () => {
    const r = repo();
    r.write('a/b', 'x');
    const sha = r.commit('one');
    const git = await openGit(join(r.dir, 'a'), testEnvironment(r.dir));
    expect(git.root).toBe(r.dir);
    expect(await git.head()).toEqual({ sha, branch: 'main' });
    r.git('checkout', '-q', '--detach');
    expect(await git.head()).toEqual({ sha, branch: null });
  });

  it('names what is missing: no repository, no commit, git itself', async () => {
    const r = repo();
    await expect(open(r).then((git) => git.head())).rejects.toMatchObject({ code: 'PCTL-GIT-NO-COMMIT', exit: 2 });
    await expect(openGit('/', testEnvironment('/'))).rejects.toMatchObject({ code: 'PCTL-NO-REPO', exit: 2 });
    await expect(openGit(r.dir, { PATH: r.dir })).rejects.toMatchObject({ code: 'PCTL-GIT-MISSING', exit: 2 });
    const sha256 = repo();
    sha256.git('init', '-q', '--object-format=sha256', 'x');
    await expect(openGit(join(sha256.dir, 'x'), testEnvironment(r.dir))).rejects.toMatchObject({
      code: 'PCTL-GIT-FORMAT',
    });
  });
});

describe('a repository that git does not open: its own words, C-2', () => {
  it.skipIf(process.geteuid?.() !== 0)(
    "another user's, from a folder beneath: the root is what has to be safe",
    async () => {
      const r = repo();
      r.write("it's/sub/f", 'x');
      r.git('init', '-q', "it's");
      chownSync(join(r.dir, "it's"), 65_534, 65_534);
      chownSync(join(r.dir, "it's/.git"), 65_534, 65_534);
      await expect(openGit(join(r.dir, "it's/sub"), testEnvironment(r.dir))).rejects.toMatchObject({
        code: 'PCTL-GIT-OWNER',
        exit: 2,
        hint: `git config --global --add safe.directory '${r.dir}/it'\\''s'`,
      });
    },
  );

  it.each([
    ['a config that cannot be read', '[core', /^bad config line \d+ in file .git\/config$/],
    [
      'an extension that git does not know',
      '[core]\nrepositoryformatversion = 1\n[extensions]\nnew = 1\n',
      /^unknown repository extension found: new$/,
    ],
  ])('%s', async (_, config, why) => {
    const r = repo();
    writeFileSync(join(r.dir, '.git/config'), config);
    await expect(open(r)).rejects.toMatchObject({ code: 'PCTL-GIT-FAILED', exit: 2, why: expect.stringMatching(why) });
  });
});

describe('objects', () => {
  it('M-4: gives bytes and modes of the commit, names of any kind, in one process', async () => {
    const r = repo();
    const names = [
      'a b',
      'new\nline',
      'tab\tname',
      '-dash',
      '"quoted"',
      'ünïcode',
      '$(touch pwned)',
      ':(top)magic',
      '*',
    ];
    for (const name of names) r.write(name, `content of ${name}`);
    r.write('run.sh', '#!/bin/sh\n');
    chmodSync(join(r.dir, 'run.sh'), 0o755);
    symlinkSync('run.sh', join(r.dir, 'link'));
    r.write('empty', '');
    r.write('binary', new Uint8Array([0, 10, 255, 0]));
    const git = await open(r);
    const tree = await git.tree(r.commit('one'));
    expect(tree.map((entry) => entry.path).sort()).toEqual([...names, 'run.sh', 'link', 'empty', 'binary'].sort());
    expect(tree.find((entry) => entry.path === 'run.sh')?.mode).toBe('100755');
    expect(tree.find((entry) => entry.path === 'link')?.mode).toBe('120000');
    const blobs = await git.blobs(
      tree.map((entry) => entry.id),
      1000,
    );
    for (const entry of tree) {
      const bytes = blobs.get(entry.id);
      expect(bytes?.length).toBe(entry.size);
      expect(git.blobId(bytes ?? new Uint8Array())).toBe(entry.id);
    }
    expect(text(blobs.get(tree.find((entry) => entry.path === 'new\nline')?.id ?? ''))).toBe('content of new\nline');
  });

  it('I-4: a blob above the limit is an error, and one that is missing or a tree too', async () => {
    const r = repo();
    r.write('big', 'x'.repeat(100_000));
    const sha = r.commit('one');
    const git = await open(r);
    const [entry] = await git.tree(sha);
    await expect(git.blobs([entry?.id ?? ''], 99_999)).rejects.toMatchObject({ code: 'PCTL-FILE-TOO-LARGE', exit: 3 });
    expect((await git.blobs([entry?.id ?? ''], 100_000)).size).toBe(1);
    await expect(git.blobs(['0'.repeat(40)], 10)).rejects.toMatchObject({ code: 'PCTL-GIT-OBJECT' });
    await expect(git.blobs([sha], 10_000)).rejects.toMatchObject({ code: 'PCTL-GIT-OBJECT' });
    await expect(git.blobs(['HEAD:big'], 10_000)).rejects.toMatchObject({ code: 'PCTL-GIT-REF' });
  });
});

describe('a partial clone', () => {
  const partial = () => {
    const server = repo();
    for (let at = 0; at < 30; at++) server.write(`d/${at}`, 'x'.repeat(at));
    const sha = server.commit('one');
    server.git('config', 'uploadpack.allowFilter', 'true');
    return {
      server,
      sha,
      clone: repo({ clone: `file://${server.dir}`, args: ['--filter=blob:none', '--no-checkout'] }),
    };
  };

  it('M-5: gets what it lacks of a commit with one fetch, not one for each file', async () => {
    const { sha, clone } = partial();
    const packs = () => readdirSync(join(clone.dir, '.git/objects/pack')).filter((name) => name.endsWith('.pack'));
    expect(packs()).toHaveLength(1);
    const git = await open(clone);
    const tree = await git.tree(sha);
    expect(tree.map(({ size }) => size).sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, at) => at));
    expect(packs()).toHaveLength(2);
    await git.tree(sha);
    expect(packs()).toHaveLength(2);
  });

  it('says what it is where the remote does not give it', async () => {
    const { server, sha, clone } = partial();
    server.remove();
    const git = await open(clone);
    await expect(git.tree(sha)).rejects.toMatchObject({ code: 'PCTL-GIT-PARTIAL', exit: 2 });
  });
});

describe('I-2: what reaches git', () => {
  it.each([
    '--upload-pack=x',
    '-h',
    '',
    'a..b',
    'a b',
    'main:file',
    '@{u}',
    'x@{1}',
    'a\nb',
    '../x',
    'a.lock',
    '/x',
    ':/fix',
    'HEAD^{/x}',
  ])('refuses %j as a commit', async (rev) => {
    const r = repo();
    r.commit('one');
    await expect((await open(r)).resolve(rev)).rejects.toMatchObject({ code: 'PCTL-GIT-REF', exit: 2 });
  });

  it('resolves branches, tags, SHAs and ancestors; null for what is not there', async () => {
    const r = repo();
    const one = r.commit('one');
    const two = r.commit('two');
    r.git('tag', '-a', 'v1', '-m', 'x', one);
    const git = await open(r);
    expect(await git.resolve('main')).toBe(two);
    expect(await git.resolve('HEAD~1')).toBe(one);
    expect(await git.resolve('v1')).toBe(one);
    expect(await git.resolve(one)).toBe(one);
    expect(await git.resolve('0'.repeat(40))).toBeNull();
    expect(await git.resolve('nope')).toBeNull();
    expect(await git.isAncestor(one, two)).toBe(true);
    expect(await git.isAncestor(two, one)).toBe(false);
    expect(await git.isAncestor('0'.repeat(40), one)).toBe(false);
  });

  it('any string is refused or a ref name that git takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (name) => {
        if (isRefName(name)) expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.+@/-]*$/);
        else expect(isRefName(`-${name}`)).toBe(false);
      }),
    );
  });

  it('drops GIT_* and askpass programs from the environment', () => {
    const env = childEnvironment({
      PATH: '/bin',
      GIT_DIR: '/x',
      GIT_CONFIG_COUNT: '1',
      GIT_SSH_COMMAND: 'evil',
      SSH_ASKPASS: 'evil',
      git_x: '1',
    });
    expect(Object.keys(env).filter((name) => /CONFIG|GIT_DIR|ASKPASS|git_x/.test(name))).toEqual(['GIT_ASKPASS']);
    expect(env).toMatchObject({ PATH: '/bin', GIT_ASKPASS: '', GIT_TERMINAL_PROMPT: '0' });
    expect(env.GIT_SSH_COMMAND).toContain('BatchMode=yes');
  });

  it('runs no hook, fsmonitor, external diff, textconv or filter that the repository configures', async () => {
    const r = repo();
    const trap = join(r.dir, 'trap.sh');
    writeFileSync(trap, `#!/bin/sh\ntouch "${r.dir}/.git/SPRUNG"\ncat\n`);
    chmodSync(trap, 0o755);
    r.write('.gitattributes', '* diff=evil filter=evil\n');
    r.write('f', 'one');
    r.commit('one');
    r.write('f', 'two');
    const two = r.commit('two');
    for (const [key, value] of [
      ['core.fsmonitor', trap],
      ['diff.external', trap],
      ['diff.evil.command', trap],
      ['diff.evil.textconv', trap],
      ['filter.evil.clean', trap],
      ['filter.evil.smudge', trap],
      ['core.pager', trap],
      ['core.hooksPath', r.dir],
    ] as const) {
      r.git('config', key, value);
    }
    for (const hook of ['reference-transaction', 'post-index-change', 'pre-auto-gc'])
      symlinkSync(trap, join(r.dir, hook));
    const git = await open(r);
    r.write('f', 'three');
    expect(await git.differs(['f'])).toEqual(['f']);
    expect(await git.log(null, two, ['f'])).toHaveLength(2);
    expect(await git.places(null, two, ['f'])).toEqual(['f']);
    await git.tree(two);
    await git.fetch('.', two).catch(() => null);
    expect(existsSync(join(r.dir, '.git/SPRUNG'))).toBe(false);
  });

  it('replace refs change nothing of a commit', async () => {
    const r = repo();
    r.write('f', 'good');
    const good = r.commit('one');
    r.write('f', 'evil');
    const evil = r.commit('two');
    r.git('replace', good, evil);
    const git = await open(r);
    const [entry] = await git.tree(good);
    expect(text((await git.blobs([entry?.id ?? ''], 10)).get(entry?.id ?? ''))).toBe('good');
  });
});

describe('G-4: history', () => {
  it('gives author, committer, co-authors and paths, newest first', async () => {
    const r = repo();
    r.write('m/module.yaml', '1');
    r.write('other', '1');
    const one = r.commit('first', 'alice@example.net', 'bob@example.net');
    r.write('other', '2');
    r.commit('elsewhere', 'eve@example.net');
    r.write('m/x/y', '2');
    const three = r.commit(
      'third\n\nCo-authored-by: Carol C <carol@example.net>\nco-authored-by: dan@example.net\n\nand more text',
      'alice@example.net',
    );
    const git = await open(r);
    const log = await git.log(null, three, ['m']);
    expect(log.map((commit) => [commit.sha, commit.paths])).toEqual([
      [three, ['m/x/y']],
      [one, ['m/module.yaml']],
    ]);
    expect(log[1]).toMatchObject({
      author: { email: 'alice@example.net' },
      committer: { email: 'bob@example.net' },
      subject: 'first',
      parents: [],
    });
    expect(log[0]?.coauthors.map((person) => person.email)).toEqual(['carol@example.net', 'dan@example.net']);
    expect(await git.log(one, three, ['m'])).toHaveLength(1);
    expect(await git.log(null, three, [])).toEqual([]);
  });

  it('a merge counts only for what differs from every parent', async () => {
    const r = repo();
    r.write('f', 'base');
    r.write('g', 'base');
    r.commit('base', 'base@example.net');
    r.git('checkout', '-q', '-b', 'side');
    r.write('f', 'side');
    r.commit('side', 'side@example.net');
    r.git('checkout', '-q', 'main');
    r.write('g', 'main');
    r.commit('main', 'main@example.net');
    r.git('merge', '-q', '--no-ff', 'side', '-m', 'clean merge');
    const clean = r.git('rev-parse', 'HEAD');
    const git = await open(r);
    const people = async (sha: string) => (await git.log(null, sha, ['f', 'g'])).map((c) => c.author.email).sort();
    expect(await people(clean)).toEqual(['base@example.net', 'main@example.net', 'side@example.net']);

    r.git('checkout', '-q', '-b', 'side2', 'HEAD~1');
    r.write('f', 'x');
    r.commit('x', 'x@example.net');
    r.git('checkout', '-q', 'main');
    expect(() => r.git('merge', 'side2')).toThrow();
    r.write('f', 'neither side wrote this');
    const evil = r.commit('evil merge', 'evil@example.net');
    const merge = (await git.log(clean, evil, ['f', 'g'])).find((commit) => commit.parents.length === 2);
    expect(merge).toMatchObject({ author: { email: 'evil@example.net' }, paths: ['f'] });
  });

  it('sees the other side of a merge that took one side whole', async () => {
    const r = repo();
    r.write('f', 'base');
    r.commit('base', 'base@example.net');
    r.git('checkout', '-q', '-b', 'side');
    r.write('f', 'side');
    r.commit('side', 'side@example.net');
    r.git('checkout', '-q', 'main');
    r.write('g', 'x');
    r.commit('main', 'main@example.net');
    r.git('merge', '-q', '-s', 'ours', 'side', '-m', 'ours');
    const git = await open(r);
    const log = await git.log(null, r.git('rev-parse', 'HEAD'), ['f']);
    expect(log.map((commit) => commit.author.email)).toContain('side@example.net');
  });

  it('file names are data: pathspec magic, newlines, many of them', async () => {
    const r = repo();
    const hostile = [':(exclude)f', '*', 'a\nb', ':!x', '-n'];
    for (const name of hostile) r.write(name, '1');
    r.write('f', '1');
    const sha = r.commit('one');
    const git = await open(r);
    for (const name of hostile) expect((await git.log(null, sha, [name]))[0]?.paths, name).toEqual([name]);
    const many = Array.from({ length: 12_000 }, (_, i) => `very/long/folder/name/for/a/file/that/is/not/there/${i}`);
    expect((await git.log(null, sha, [...many, 'f']))[0]?.paths).toEqual(['f']);
  });

  describe('moves', () => {
    const lines = (...changed: number[]) =>
      Array.from({ length: 40 }, (_, at) => `line ${at}${changed.includes(at) ? ' changed' : ''}\n`).join('');
    const moved = (r: Repo, from: string, to: string, content: string) => {
      r.git('rm', '-q', '-f', '--', from);
      r.write(to, content);
      return r.commit(`${from} to ${to}`);
    };

    it('of a file are followed one by one, also where it was changed on the way; not those of others', async () => {
      const r = repo();
      r.write('a/one', lines());
      r.write('other', 'x'.repeat(500));
      r.commit('first');
      const one = moved(r, 'a/one', 'b\ntwo', lines(1, 2, 3));
      r.git('mv', 'other', 'another');
      r.commit('elsewhere');
      const two = moved(r, 'b\ntwo', ':(exclude)c', lines(1, 2, 3, 10, 11));
      const git = await open(r);
      const places = async (from: string | null, ...paths: string[]) =>
        [...(await git.places(from, two, paths))].sort();
      expect(await places(null, ':(exclude)c')).toEqual([':(exclude)c', 'a/one', 'b\ntwo']);
      expect(await places(one, ':(exclude)c')).toEqual([':(exclude)c', 'b\ntwo']);
      expect(await places(two, ':(exclude)c')).toEqual([':(exclude)c']);
      expect(await places(null, 'not there')).toEqual(['not there']);
      expect(await places(null)).toEqual([]);
    });

    it('there and back again end, and of a folder all of it counts', async () => {
      const r = repo();
      r.write('x/f', lines());
      r.commit('first');
      moved(r, 'x/f', 'y/f', lines());
      const last = moved(r, 'y/f', 'x/f', lines());
      const git = await open(r);
      expect([...(await git.places(null, last, ['x/f']))].sort()).toEqual(['x/f', 'y/f']);
      expect([...(await git.places(null, last, ['x']))].sort()).toEqual(['x', 'x/f', 'y/f']);
    });

    it('that a merge made, or a branch that it took', async () => {
      const r = repo();
      r.write('f', lines());
      r.commit('base');
      r.git('checkout', '-q', '-b', 'side');
      moved(r, 'f', 'g', lines());
      r.git('checkout', '-q', 'main');
      r.write('n', '1');
      r.commit('main');
      r.git('merge', '-q', '--no-ff', '--no-commit', 'side');
      const last = moved(r, 'g', 'h', lines());
      const git = await open(r);
      expect([...(await git.places(null, last, ['h']))].sort()).toEqual(['f', 'g', 'h']);
    });

    it('but not what looks like one only because a merge brings several commits at once', async () => {
      const r = repo();
      r.write('redis', lines());
      r.commit('base');
      r.git('checkout', '-q', '-b', 'side');
      r.write('n', '1');
      r.commit('side');
      r.git('checkout', '-q', 'main');
      r.git('rm', '-q', 'redis');
      r.commit('redis is gone');
      r.write('grafana', lines(1));
      r.commit('grafana');
      r.git('checkout', '-q', 'side');
      r.git('merge', '-q', '--no-ff', '-m', 'merge', 'main');
      const git = await open(r);
      const { sha } = await git.head();
      expect([...(await git.places(null, sha, ['grafana']))]).toEqual(['grafana']);
    });
  });

  it('a commit whose message imitates the output format stays one commit', async () => {
    const r = repo();
    r.write('f', '1');
    const sha = r.commit('x\n\ndeadbeef\n%x00%H\n\\0\n:100644 100644 a b M\tg');
    expect(await (await open(r)).log(null, sha, ['f', 'g'])).toMatchObject([{ sha, paths: ['f'] }]);
  });

  it.each([
    ['Co-authored-by: A <a@x.net>', ['a@x.net']],
    ['CO-AUTHORED-BY:a@x.net', ['a@x.net']],
    ['Co-authored-by: A\n  <a@x.net>', ['a@x.net']],
    ['Co-authored-by: A <a@x.net>, B <b@x.net>', ['a@x.net', 'b@x.net']],
    ['subject\n\ntext\n  Co-authored-by: A <a@x.net>', ['a@x.net']],
    [`Co-authored-by: A${' '.repeat(600)}<a@x.net>`, ['a@x.net']],
    ['Co-authored-by: nobody', []],
    ['see Co-authored-by: A <a@x.net>', []],
  ])('co-authors of %j', (body, emails) => {
    expect(coauthors(body).map((person) => person.email)).toEqual(emails);
  });

  it('co-authors of any text are addresses that stand in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        for (const { email } of coauthors(`Co-authored-by: ${body}`))
          expect(body.replace(/\s+/g, '')).toContain(email.replace(/\s+/g, ''));
      }),
    );
  });
});

describe('remotes (G-1)', () => {
  it('asks the remote itself, not what the last fetch left', async () => {
    const server = repo({ bare: true });
    const author = repo();
    author.write('f', '1');
    const one = author.commit('one');
    author.git('remote', 'add', 'origin', server.dir);
    author.git('push', '-q', 'origin', 'main');
    const clone = repo({ clone: server.dir });
    author.write('f', '2');
    const two = author.commit('two');
    author.git('push', '-q', 'origin', 'main', 'main:x/refs/heads/main');
    const git = await open(clone);
    expect(await git.remotes()).toEqual(['origin']);
    expect(await git.trackedDefault('origin')).toEqual({ branch: 'main', sha: one });
    expect(await git.askRemote('origin')).toEqual({ branch: 'main', sha: two });
    expect(await git.askRemote('origin', 'main')).toEqual({ branch: 'main', sha: two });
    expect(await git.askRemote('origin', 'nope')).toBeNull();
    expect(await git.resolve(two)).toBeNull();
    const refs = clone.git('for-each-ref');
    expect(await git.fetch('origin', two)).toBe(true);
    expect(await git.resolve(two)).toBe(two);
    expect(clone.git('for-each-ref')).toBe(refs);
    expect(existsSync(join(clone.dir, '.git/FETCH_HEAD'))).toBe(false);
    expect(await git.fetch('origin', '0'.repeat(40))).toBe(false);
  });

  it('origin comes first; a remote that is gone gives null', async () => {
    const r = repo();
    r.commit('one');
    r.git('remote', 'add', 'alpha', '/nonexistent');
    r.git('remote', 'add', 'origin', 'ext::sh -c "touch% /tmp/pctl-ext"');
    const git = await open(r);
    expect(await git.remotes()).toEqual(['origin', 'alpha']);
    expect(await git.askRemote('alpha')).toBeNull();
    expect(await git.askRemote('origin')).toBeNull();
    expect(existsSync('/tmp/pctl-ext')).toBe(false);
    expect(await git.trackedDefault('alpha')).toBeNull();
  });

  it('X-8: a remote that accepts and stays silent ends within the limit', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const r = repo();
    r.commit('one');
    r.git('remote', 'add', 'origin', `git://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/x`);
    const started = Date.now();
    expect(await (await open(r)).askRemote('origin')).toBeNull();
    expect(Date.now() - started).toBeLessThan(28_000);
    for (const socket of sockets) socket.destroy();
    server.close();
  }, 60_000);

  it('shallow is seen', async () => {
    const r = repo();
    r.commit('one');
    r.commit('two');
    const shallow = repo({ clone: `file://${r.dir}`, args: ['--depth', '1'] });
    expect(await (await open(shallow)).isShallow()).toBe(true);
    expect(await (await open(r)).isShallow()).toBe(false);
  });

  it('ls-remote output is matched by the whole name', () => {
    const sha = 'a'.repeat(40);
    expect(parseLsRemote(`${sha}\trefs/heads/x/refs/heads/main`, 'main')).toBeNull();
    expect(parseLsRemote(`ref: refs/heads/dev\tHEAD\n${sha}\tHEAD`, undefined)).toEqual({ branch: 'dev', sha });
    expect(parseLsRemote(`${sha}\tHEAD`, undefined)).toBeNull();
    expect(parseLsRemote(`ref: refs/heads/--evil\tHEAD\n${sha}\tHEAD`, undefined)).toBeNull();
  });

  it('config gives values, null where unset', async () => {
    const r = repo();
    r.git('config', 'user.signingkey', 'a\nb');
    const git = await open(r);
    expect(await git.config('user.signingkey')).toBe('a\nb');
    expect(await git.config('no.such')).toBeNull();
    await expect(git.config('--list')).rejects.toMatchObject({ code: 'PCTL-GIT-REF' });
  });
});

describe('M-4: dirty', () => {
  it('bytes, modes, missing, untracked, ignored, type changes; nothing outside the paths; the index has no say', async () => {
    const r = repo();
    for (const name of ['d/same', 'd/changed', 'd/mode', 'd/gone', 'd/link', 'd/hidden', 'elsewhere'])
      r.write(name, '1');
    r.write('.gitignore', 'ignored\n');
    r.commit('one');
    const git = await open(r);
    expect(await git.differs(['d', 'elsewhere'])).toEqual([]);
    r.write('d/changed', '2');
    chmodSync(join(r.dir, 'd/mode'), 0o755);
    r.git('rm', '-q', '--cached', 'd/same');
    r.git('update-index', '--assume-unchanged', 'd/hidden');
    r.write('d/hidden', '2');
    r.git('rm', '-q', 'd/gone', 'd/link');
    symlinkSync('same', join(r.dir, 'd/link'));
    r.write('d/new', 'x');
    r.write('d/sub/ignored', 'x');
    r.write('elsewhere', '2');
    mkdirSync(join(r.dir, 'd/empty'));
    expect(await git.differs(['d'])).toEqual([
      'd/changed',
      'd/gone',
      'd/hidden',
      'd/link',
      'd/mode',
      'd/new',
      'd/sub/ignored',
    ]);
    expect(await git.differs(['d/same', 'nope', 'd/same/x'])).toEqual([]);
    expect(await git.differs(['elsewhere'])).toEqual(['elsewhere']);
    expect(await git.differs([])).toEqual([]);
  });
});
