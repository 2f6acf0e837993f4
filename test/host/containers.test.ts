/** talk.sh and import.sh asked for containers while some go away: a docker that fails as the real one then does. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encode, message } from '../../src/execute/protocol.js';
import { importProgram, talkProgram } from '../../src/host/programs.js';

/** `inspect` of two prints the one that is still there and fails. So many times as `vanish` says there are two. */
const DOCKER = `#!/bin/sh
case $1 in
  ps) echo one; echo . >>"$0.asked"; [ $(wc -l <"$0.asked") -gt $(cat "$0.vanish") ] || echo gone ;;
  inspect) echo '["one"]'; case " $* " in *' gone '*) echo 'No such container: gone' >&2; exit 1 ;; esac ;;
esac
`;

/** Forty seconds later each time that it is asked. */
const DATE = `#!/bin/sh
echo . >>"$0.asked"
echo $(($(wc -l <"$0.asked") * 40))
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'platformctl-containers-'));
  mkdirSync(join(folder, 'root'));
  writeFileSync(join(folder, 'docker'), DOCKER, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The rows that were told, null where it failed, and how often docker was asked for a list. */
function ask(program: 'talk.sh' | 'import.sh', vanish: number): { rows: string[] | null; looks: number } {
  writeFileSync(join(folder, 'docker.vanish'), `${vanish}`);
  const [text, args, input] =
    program === 'talk.sh'
      ? [talkProgram, [], encode([message('containers', '*')])]
      : [importProgram, ['1000'], 'containers\n'];
  const done = spawnSync('sh', ['-c', 'eval "$1"', 'platformctl', text, join(folder, 'root'), ...args], {
    input,
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env.PATH}`, HOME: '/' },
  });
  const told = program === 'talk.sh' ? done.stdout.startsWith('platformctl 1\n0 ') : done.status === 0;
  const rows = done.stdout.split('\n').filter((row) => row.startsWith('['));
  return { rows: told ? rows : null, looks: readFileSync(join(folder, 'docker.asked'), 'utf8').split('\n').length - 1 };
}

describe.each(['talk.sh', 'import.sh'] as const)('P-5 %s', (program) => {
  it.each([1, 4])(
    'containers that go away %i times between the list and the look: the others appear, once',
    (times) => {
      expect(ask(program, times)).toEqual({ rows: ['["one"]'], looks: times + 1 });
    },
  );

  it('is not asked without end', () => {
    expect(ask(program, 99)).toEqual({ rows: null, looks: 5 });
  });

  it('is not asked again where a look takes long', () => {
    writeFileSync(join(folder, 'date'), DATE, { mode: 0o755 });
    expect(ask(program, 99)).toEqual({ rows: null, looks: 1 });
  });
});
