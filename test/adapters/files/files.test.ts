import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileError } from '../../../src/adapters/file-error.js';
import { createFiles } from '../../../src/adapters/files/files.js';

const files = createFiles();
const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString());
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** A lock is waited for as long as it takes. */
const stopTheClock = () => vi.useFakeTimers({ toFake: ['Date'] });

/** Root may write everywhere: where the tests are root, this runs as another user. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

describe('read', () => {
  it('gives bytes, null for what is absent, and refuses what is too large, a folder and a pipe', async () => {
    writeFileSync(join(folder, 'a'), 'abc');
    expect(text(await files.read(join(folder, 'a'), 3))).toBe('abc');
    expect(await files.read(join(folder, 'b'), 3)).toBeNull();
    expect(await files.read(join(folder, 'a/b'), 3)).toBeNull();
    await expect(files.read(join(folder, 'a'), 2)).rejects.toMatchObject({ code: 'PCTL-FILE-TOO-LARGE', exit: 3 });
    await expect(files.read(folder, 2)).rejects.toMatchObject({
      code: 'PCTL-FILE-READ',
      exit: 2,
      why: 'it is a folder',
    });
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    await expect(files.read(join(folder, 'pipe'), 2)).rejects.toMatchObject({ code: 'PCTL-FILE-READ' });
  });
});

describe('write', () => {
  it('R-4 replaces whole, makes folders, keeps the mode, leaves nothing beside it', async () => {
    const path = join(folder, 'x/y/doc.json');
    await files.write(path, Buffer.from('one'), { mode: 0o600 });
    await files.write(path, Buffer.from('two'));
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'x/y'))).toEqual(['doc.json']);
  });

  it('R-4 replaces a file, or a link to one, and nothing else: no pipe, no folder, not /dev/stdout', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('pipe', join(folder, 'to-pipe'));
    symlinkSync('.', join(folder, 'to-folder'));
    // As /dev/stdout where the shell sent it to a file.
    symlinkSync('/proc/self/exe', join(folder, 'stdout'));
    const before = readdirSync(folder);
    for (const options of [{}, { mode: 0o644 }]) {
      for (const name of ['pipe', 'to-pipe', 'stdout'])
        await expect(files.write(join(folder, name), Buffer.from('x'), options), name).rejects.toMatchObject({
          code: 'PCTL-FILE-WRITE',
          hint: expect.stringContaining('--out -'),
        });
      await expect(files.write(join(folder, 'to-folder'), Buffer.from('x'), options)).rejects.toMatchObject({
        code: 'PCTL-FILE-WRITE',
        why: 'it is a folder',
      });
    }
    expect(readdirSync(folder)).toEqual(before);
    expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
    for (const name of ['to-pipe', 'to-folder', 'stdout'])
      expect(lstatSync(join(folder, name)).isSymbolicLink(), name).toBe(true);
  });

  it('ifAbsent never replaces, also not a dangling symlink', async () => {
    await files.write(join(folder, 'a'), Buffer.from('one'), { ifAbsent: true });
    await expect(files.write(join(folder, 'a'), Buffer.from('two'), { ifAbsent: true })).rejects.toMatchObject({
      code: 'PCTL-FILE-EXISTS',
      exit: 2,
    });
    symlinkSync('/nowhere', join(folder, 'l'));
    await expect(files.write(join(folder, 'l'), Buffer.from('two'), { ifAbsent: true })).rejects.toMatchObject({
      code: 'PCTL-FILE-EXISTS',
    });
    expect(readdirSync(folder).sort()).toEqual(['a', 'l']);
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('one');
  });

  it('beneath: never through a folder that is a link out of it, whatever is behind that link', async () => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'in'), { recursive: true });
    mkdirSync(join(folder, 'out'));
    symlinkSync('../out', join(root, 'leads'));
    symlinkSync('in', join(root, 'stays'));
    symlinkSync('/nowhere', join(root, 'dangles'));
    const write = (path: string) => files.write(join(root, path), Buffer.from('x'), { ifAbsent: true, beneath: root });
    for (const path of ['leads/a', 'leads/b/c/d'])
      await expect(write(path)).rejects.toMatchObject({ code: 'PCTL-FILE-OUTSIDE', exit: 2 });
    await expect(write('dangles/a')).rejects.toMatchObject({ exit: 2 });
    await write('stays/a');
    await write('new/b/c');
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
    expect(readFileSync(join(root, 'in/a'), 'utf8')).toBe('x');
  });

  it('O-6 an error is in words of ours', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(files.write(join(folder, 'file/below'), Buffer.from(''))).rejects.toMatchObject({
      code: 'PCTL-FILE-WRITE',
      exit: 2,
      where: { file: join(folder, 'file/below') },
    });
  });

  it('many at once leave one of them whole', async () => {
    const path = join(folder, 'doc');
    await Promise.all(Array.from({ length: 20 }, (_, i) => files.write(path, Buffer.from(String(i).repeat(10_000)))));
    expect(new Set(readFileSync(path, 'utf8').match(/\d\d?/g)).size).toBeLessThan(4);
    expect(readdirSync(folder)).toEqual(['doc']);
  });
});

describe('append', () => {
  const path = () => join(folder, 'chain.jsonl');

  it('R-4 hands over the last line and cuts a torn one off', async () => {
    const seen: (string | null)[] = [];
    const add = (line: string) =>
      files.append(path(), (last) => {
        seen.push(last);
        return line;
      });
    await add('one');
    await add('two ä');
    appendFileSync(path(), 'torn');
    await add('three');
    expect(seen).toEqual([null, 'one', 'two ä']);
    expect(readFileSync(path(), 'utf8')).toBe('one\ntwo ä\nthree\n');
    expect(readdirSync(folder)).toEqual(['chain.jsonl']);
  });

  it('a file that is torn from its first byte starts again', async () => {
    writeFileSync(path(), 'torn');
    await files.append(path(), (last) => `${last}`);
    expect(readFileSync(path(), 'utf8')).toBe('null\n');
  });

  it('R-6 never through a link, which a commit could bring along: what it leads to stays as it is', async () => {
    const keys = join(folder, 'authorized_keys');
    writeFileSync(keys, 'one\ntwo without a newline');
    symlinkSync(keys, path());
    await expect(files.append(path(), () => 'line')).rejects.toMatchObject({ code: 'PCTL-FILE-WRITE', exit: 2 });
    expect(readFileSync(keys, 'utf8')).toBe('one\ntwo without a newline');
  });

  it('at the same time, in one process: every line once, in a chain', async () => {
    stopTheClock();
    await Promise.all(Array.from({ length: 12 }, () => files.append(path(), (last) => String(Number(last ?? 0) + 1))));
    expect(readFileSync(path(), 'utf8')).toBe(`${Array.from({ length: 12 }, (_, i) => i + 1).join('\n')}\n`);
  });

  it('a holder whose start could not be read keeps its lock while there is a process of that number', async () => {
    stopTheClock();
    const lock = `${path()}.lock`;
    writeFileSync(lock, `${process.pid} - ${(await import('node:os')).hostname()}\n`);
    let done = false;
    const waiting = files
      .append(path(), () => 'a')
      .then(() => {
        done = true;
      });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([done, existsSync(lock)]).toEqual([false, true]);
    rmSync(lock);
    await waiting;
  });

  it('takes over the lock of a process that is gone, not of one on another machine', async () => {
    const gone = spawnSync('true').pid;
    writeFileSync(`${path()}.lock`, `${gone} 1 ${(await import('node:os')).hostname()}\n`);
    await files.append(path(), () => 'a');
    expect(existsSync(`${path()}.lock`)).toBe(false);
    // Its number is used again by a process that started at another time.
    writeFileSync(`${path()}.lock`, `${process.pid} 1 ${(await import('node:os')).hostname()}\n`);
    await files.append(path(), () => 'b');
    writeFileSync(`${path()}.lock`, '1 1 elsewhere\n');
    await expect(files.append(path(), () => 'c')).rejects.toMatchObject({ code: 'PCTL-FILE-LOCKED', exit: 2 });
    expect(readFileSync(path(), 'utf8')).toBe('a\nb\n');
  });
});

describe('faults', () => {
  it('R-4 kill -9 at random moments: the document is old or new, the chain has no gap', async () => {
    let before = 0;
    // On a slow machine a child comes to little in its time.
    for (let round = 0; round < 50 || (before <= 50 && round < 500); round++) {
      const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'writer.ts'), folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (existsSync(join(folder, 'document.json'))) {
        const document = JSON.parse(readFileSync(join(folder, 'document.json'), 'utf8'));
        expect(document.body.length).toBe(document.length);
      }
      if (!existsSync(join(folder, 'chain.jsonl'))) continue;
      const lines = readFileSync(join(folder, 'chain.jsonl'), 'utf8').split('\n').slice(0, -1);
      expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, i) => i + 1));
      expect(lines.length).toBeGreaterThanOrEqual(before);
      before = lines.length;
    }
    expect(before).toBeGreaterThan(50);
    await files.append(join(folder, 'chain.jsonl'), (last) =>
      JSON.stringify({ seq: JSON.parse(last as string).seq + 1 }),
    );
  }, 600_000);

  it.runIf(process.getuid?.() === 0)('R-4 ENOSPC leaves what was there', async () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
    if (mounted.status !== 0) throw new Error(`no tmpfs here: ${mounted.stderr}`);
    try {
      await files.write(join(small, 'doc'), Buffer.from('old'));
      await files.append(join(small, 'chain'), () => 'first');
      await expect(files.write(join(small, 'doc'), Buffer.alloc(200_000, 'x'))).rejects.toMatchObject({
        code: 'PCTL-FILE-WRITE',
        why: 'no space is left on the device',
      });
      await expect(files.append(join(small, 'chain'), () => 'y'.repeat(200_000))).rejects.toMatchObject({
        code: 'PCTL-FILE-WRITE',
      });
      expect(readFileSync(join(small, 'doc'), 'utf8')).toBe('old');
      expect(readFileSync(join(small, 'chain'), 'utf8')).toBe('first\n');
      expect(readdirSync(small).sort()).toEqual(['chain', 'doc']);
    } finally {
      spawnSync('umount', [small]);
    }
  });

  it('C-2 each error says what to do about it', async () => {
    const hintOf = (work: Promise<unknown>) =>
      work.then(
        () => 'no error',
        (error) => `${error.why ?? error.code}: ${error.hint?.replaceAll(folder, 'FOLDER')}`,
      );
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'file'), 'abc');
    symlinkSync('loop', join(folder, 'loop'));
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, 'mine'), '', { mode: 0o000 });
    const write = (name: string) => files.write(join(folder, name), Buffer.from('x'));
    const read = (name: string) => files.read(join(folder, name), 2);
    const told = [
      await hintOf(read('folder')),
      await hintOf(read('pipe')),
      await hintOf(read('file')),
      await hintOf(read('loop')),
      await hintOf(write('folder')),
      await hintOf(write('file/below')),
      await hintOf(write('n'.repeat(300))),
      await hintOf(files.remove(join(folder, 'folder'))),
    ];
    chmodSync(folder, 0o555);
    await asNobody(async () => {
      told.push(await hintOf(read('mine')), await hintOf(write('new')));
    });
    expect(told).toMatchInlineSnapshot(`
      [
        "it is a folder: name a file, or move the folder away",
        "it is no regular file: name a regular file",
        "PCTL-FILE-TOO-LARGE: is it the file that was meant? Nothing of that kind grows so large",
        "it is a link, or behind one that leads back to itself: put a real file or folder there",
        "it is a folder: name a file, or move the folder away",
        "a part of the path is not a folder: move away what stands where a folder should be",
        "the name is too long: choose a shorter name",
        "it is a folder: name a file, or move the folder away",
        "permission denied: ls -ld FOLDER/mine shows whose it is and who may",
        "permission denied: ls -ld FOLDER shows whose it is and who may",
      ]
    `);
    for (const code of ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'EPERM', 'ESTALE'])
      expect(fileError('PCTL-FILE-WRITE', '/a/b', Object.assign(new Error(), { code })).hint).toBeTruthy();
  });

  it('a folder that cannot be written', async () => {
    chmodSync(folder, 0o555);
    await asNobody(() =>
      expect(files.write(join(folder, 'a'), Buffer.from(''))).rejects.toMatchObject({
        code: 'PCTL-FILE-WRITE',
        why: 'permission denied',
      }),
    );
  });
});
