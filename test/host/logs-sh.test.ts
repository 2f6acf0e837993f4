/** logs.sh in the shells that hosts have, with a docker that only talks: who ends whom, and that nothing is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logsProgram } from '../../src/host/programs.js';
import { SHELLS } from './words.js';

const IMPATIENT = logsProgram.replace('PATIENCE=60', 'PATIENCE=5');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logs-sh-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `docker` tells its arguments and its process, then does what it is told. */
function docker(then: string, at = folder): void {
  writeFileSync(join(at, 'docker'), `#!/bin/sh\necho "$$ $*" >${at}/called\n${then}\n`);
  chmodSync(join(at, 'docker'), 0o755);
}
const called = (at = folder): string => readFileSync(join(at, 'called'), 'utf8');

function start(shell: readonly string[], text: string, args: readonly string[], at = folder) {
  const [program, ...rest] = shell as [string, ...string[]];
  const child = spawn(program, [...rest, '-c', 'eval "$1"', 'platformctl', text, ...args], {
    env: { PATH: `${at}:${process.env.PATH}` },
    stdio: 'pipe',
  });
  child.stdin.on('error', () => undefined);
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes;
  });
  return { child, out: () => out, code: new Promise<number | null>((resolve) => child.on('close', resolve)) };
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function gone(child: ChildProcess, at = folder): Promise<void> {
  const pid = Number(called(at).split(' ')[0]);
  for (let tries = 0; alive(pid) && tries < 400; tries += 1) await sleep(50);
  expect(alive(pid)).toBe(false);
  expect(child.exitCode).not.toBeNull();
}
const TALKS = 'while :; do echo said; sleep 0.1; done';

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('logs.sh in %s', (_, shell) => {
  it('asks docker for what was asked, passes on both channels and the exit; its end takes the listener along', async () => {
    docker('echo out; echo err >&2; exit 3');
    const { out, code, child } = start(shell, logsProgram, ['c0ffee', '7', '10m', '0']);
    expect(await code).toBe(3);
    expect(out()).toBe('out\nerr\n');
    expect(called()).toMatch(/^\d+ logs --tail 7 --since 10m c0ffee\n$/);
    await gone(child);
    child.stdin.end();
  });

  it('the end of the input ends it', async () => {
    docker(TALKS);
    const { out, code, child } = start(shell, logsProgram, ['c0ffee', 'all', '', '1']);
    while (!out().includes('said')) await sleep(20);
    expect(called()).toMatch(/^\d+ logs --tail all --follow c0ffee\n$/);
    child.stdin.end();
    expect(await code).not.toBe(0);
    await gone(child);
  });

  it('TERM ends it', async () => {
    docker(TALKS);
    const { out, code, child } = start(shell, logsProgram, ['c0ffee', 'all', '', '1']);
    while (!out().includes('said')) await sleep(20);
    child.kill('SIGTERM');
    await code;
    await gone(child);
    child.stdin.end();
  });
});

// The shells all at once: it takes a while.
it('logs.sh: a client that says nothing any more ends it; one that does keeps it', async () => {
  const one = async (shell: readonly string[]): Promise<void> => {
    const at = join(folder, shell.join('-'));
    mkdirSync(at);
    docker(TALKS, at);
    const { out, code, child } = start(shell, IMPATIENT, ['c0ffee', 'all', '', '1'], at);
    while (!out().includes('said')) await sleep(20);
    for (let words = 0; words < 15; words += 1) {
      child.stdin.write('\n');
      await sleep(400);
    }
    expect([shell, child.exitCode]).toEqual([shell, null]);
    await code;
    await gone(child, at);
    child.stdin.end();
  };
  await Promise.all(SHELLS.map(one));
}, 60_000);
