/** talk.sh asked for containers while one of them goes away: a docker that fails as the real one then does. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encode, message } from '../../src/execute/protocol.js';
import { talkProgram } from '../../src/host/programs.js';

/** `inspect` of two prints the one that is still there and fails; asked again, there is one. */
const DOCKER = `#!/bin/sh
case $1 in
  ps) if [ -e "$0.asked" ]; then echo one; else echo one; echo gone; : >"$0.asked"; fi ;;
  inspect) case " $* " in *' gone '*) echo '["one"]'; echo 'No such container: gone' >&2; exit 1 ;; *) echo '["one"]' ;; esac ;;
esac
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platformctl-talk-'));
  mkdirSync(join(folder, 'root'));
  writeFileSync(join(folder, 'docker'), DOCKER, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('P-5 a container that goes away between the list and the look does not make the others appear twice', () => {
  const done = spawnSync('sh', ['-c', 'eval "$1"', 'platformctl', talkProgram, join(folder, 'root')], {
    input: encode([message('containers', '*')]),
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env.PATH}`, HOME: '/' },
  });
  const [greeting, head, ...rows] = done.stdout.split('\n');
  expect([greeting, head?.split(' ')[0], rows.filter((row) => row.startsWith('['))]).toEqual([
    'platformctl 1',
    '0',
    ['["one"]'],
  ]);
});
