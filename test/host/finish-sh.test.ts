/** finish.sh where what it needs fails it: the engine, its settings, a tag; in the shells that hosts have. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishProgram } from '../../src/host/programs.js';
import { BARE, finish } from '../lab/process.js';
import { SHELLS, write } from './words.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gone-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  writeFileSync(join(root, 'page'), 'old');
  mkdirSync(join(root, '.platform/runs/r/kept'), { recursive: true });
  const status = '{"outcome":"x","attempt":{"why":"';
  write(root, {
    'runs/r/go/settings':
      'module=web\nproject=p\nservice=web\nback=running\ncompose_seconds=9\nengine_seconds=2\nwhole=1\n',
    'runs/r/go/swap': 'put 644 page\n',
    'runs/r/go/folders': '',
    'runs/r/go/up': 'false\n',
    'runs/r/go/back': 'false\n',
    'runs/r/go/status.applying': '{"outcome":"applying"',
    'runs/r/go/audit.applying': '"module":"web"',
    'runs/r/go/status.rollback_failed': status,
    'runs/r/go/audit.rollback_failed': '"module":"web"',
    'runs/r/new/1': 'new',
    'runs/r/locks': '',
    'runs/r/holder': '',
    'state/modules/web.status.json': '',
    'locks/audit': '',
  });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (path: string): string => readFileSync(join(root, path), 'utf8');
const docker = (text: string): void => writeFileSync(join(root, 'bin/docker'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
const journal = (): string => at('.platform/runs/r/journal');

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('B-1 in %s', (_, shell) => {
  const [program, ...rest] = shell as [string, ...string[]];
  const run = () =>
    finish(program, [...rest, '-c', finishProgram, 'finish', root, 'r'], {
      env: { ...BARE, PATH: `${root}/bin:${BARE.PATH}` },
    });

  it('the files go back all the same, and the end is told and recorded: 12', async () => {
    const { exit, stderr } = await run();
    expect([exit, stderr]).toEqual([12, '']);
    expect(at('page')).toBe('old');
    expect(journal()).toMatch(/^end rollback_failed 12 /m);
    expect(JSON.parse(at('.platform/state/modules/web.status.json'))).toMatchObject({ container_id: null });
  });

  it('where compose was never started, the files do not wait for it: 11', async () => {
    docker(`cat ${root}/page >>${root}/seen; exit 1`);
    const status = '{"outcome":"x","attempt":{"why":"';
    write(root, {
      'runs/r/go/swap': 'put 644 page\nput 644 missing\n',
      'runs/r/go/status.rolled_back': status,
      'runs/r/go/audit.rolled_back': '"module":"web"',
    });
    expect((await run()).exit).toBe(11);
    expect(at('page')).toBe('old');
    expect(at('seen')).toMatch(/^(old)+$/);
    expect(journal()).toMatch(/^end rolled_back 11 /m);
  });

  it('an image that could not be given its tag is told, and the apply is good: 9', async () => {
    docker("case $1 in ps) echo abc ;; inspect) echo 'abc img running none 0 then 0 hash' ;; *) exit 1 ;; esac");
    mkdirSync(join(root, '.platform/runs/r/stage'));
    const settings = 'module=web\nproject=p\nservice=web\nrelease=one\nstable=0\nimage=img\nwhole=1\n';
    write(root, {
      'runs/r/go/settings': settings,
      'runs/r/go/up': '',
      'runs/r/go/expect': '',
      'runs/r/go/prune': '',
      'runs/r/go/plan.json': '{}',
      'runs/r/go/tag': 'platformctl-kept:one\n',
      'runs/r/go/status.applied': '{"outcome":"x","attempt":{"why":"',
      'runs/r/go/audit.applied': '"module":"web"',
    });
    const { exit, stderr } = await run();
    expect([exit, stderr], journal()).toEqual([9, '']);
    expect(journal()).toMatch(/^tag failed 1 /m);
    expect(at('.platform/releases/web/one/plan.json')).toBe('{}');
  });

  it('V-1 a container that is paused has no stable time, and is not waited for without end: 11', async () => {
    docker(
      `case $1 in ps) echo abc ;; inspect) echo x >>${root}/n; [ $(wc -l <${root}/n) -lt 3 ] && s=running || s=paused; echo "abc img $s none 0 then 0 h" ;; esac`,
    );
    write(root, {
      'runs/r/go/settings': 'module=web\nproject=p\nservice=web\nstable=30\ntimeout=4\nimage=img\nwhole=1\n',
      'runs/r/go/up': '',
      'runs/r/go/status.rolled_back': '{"outcome":"x","attempt":{"why":"',
      'runs/r/go/audit.rolled_back': '"module":"web"',
    });
    expect((await run()).exit).toBe(11);
    expect(journal()).toMatch(/^verify waiting 0 [0-9]+ paused:none$/m);
    expect(journal()).toMatch(/^end rolled_back 11 [0-9]+ timeout$/m);
  });

  // What the engine says of a container that it was asked to stop: it runs, for the whole of its grace.
  it.each([
    [137, 'exited', 'restore started'],
    [137, 'running', 'end rolled_back 11'],
    [1, 'exited', 'end rolled_back 11'],
  ])('X-12 compose ended with %i, and the old container is %s a second later: %s', async (code, then, next) => {
    docker(
      `case $1 in ps) case $* in *created*) ;; *) echo abc ;; esac ;; inspect) [ -e ${root}/asked ] && [ $(wc -l <${root}/asked) -gt 3 ] && s=${then} || s=running; echo x >>${root}/asked; echo "abc img $s none 0 then 0 h" ;; esac`,
    );
    write(root, {
      'runs/r/go/settings':
        'module=web\nproject=p\nservice=web\nbefore=abc\nback=running\nback_image=img\nback_started=then\nback_stable=0\nstop_grace=0\nwhole=1\n',
      'runs/r/go/up': `sh\n-c\nexit ${code}\n`,
      'runs/r/go/back': 'true\n',
      'runs/r/go/status.rolled_back': '{"outcome":"x","attempt":{"why":"',
      'runs/r/go/audit.rolled_back': '"module":"web"',
    });
    await run();
    const after = journal().slice(journal().indexOf('back started')).split('\n').slice(1);
    expect(after.find((line) => !line.startsWith('verify '))).toMatch(new RegExp(`^${next} `));
  });

  it('names that end with spaces are names of their own, there and back', async () => {
    write(root, {
      'runs/r/go/swap': 'put 644 page\nput 644 page \nput 644  new\n',
      'runs/r/new/1': 'first',
      'runs/r/new/2': 'second',
      'runs/r/new/3': 'third',
    });
    docker(`cat "${root}/page" "${root}/page " "${root}/ new" >>${root}/seen 2>/dev/null; exit 1`);
    writeFileSync(join(root, 'page '), 'old too');
    expect((await run()).exit).toBe(12);
    expect(at('seen')).toMatch(/^firstsecondthird/);
    expect([at('page'), at('page ')]).toEqual(['old', 'old too']);
    expect(existsSync(join(root, ' new'))).toBe(false);
  });

  it.each(['', 'module=web\nproject=p\nservice=web\nback=run'])(
    'settings that were not read to their end (%j) change nothing: 7',
    async (settings) => {
      write(root, { 'runs/r/go/settings': settings });
      const { exit } = await run();
      expect(exit).toBe(7);
      expect(at('page')).toBe('old');
      expect(journal()).toMatch(/^end remote_failed 7 [0-9]+ no_settings\n$/);
    },
  );
});
