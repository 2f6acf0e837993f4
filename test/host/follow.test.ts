/** talk.sh as others meet it: its answer to `follow` by a conversation that did not start the run, and its end where nobody reads. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode, encode, message } from '../../src/execute/protocol.js';
import { talkProgram } from '../../src/host/programs.js';
import { SHELLS, words, write } from './words.js';

let root: string;
let holds: ChildProcess | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'follow-'));
  mkdirSync(join(root, '.platform'));
});
afterEach(() => {
  holds?.kill('SIGKILL');
  holds = undefined;
  rmSync(root, { recursive: true, force: true });
});

async function held(text: string): Promise<void> {
  write(root, { 'locks/module.web': text, 'runs/one/journal': 'up started 0 1 -\n' });
  const child = spawn('flock', [join(root, '.platform/locks/module.web'), 'sh', '-c', 'echo; exec sleep 60']);
  holds = child;
  await new Promise((resolve) => child.stdout.once('data', resolve));
}

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('X-5 in %s', (_, shell) => {
  it.each([
    ['its own', '4711\n{"run_id":"one"}\n', 'running'],
    ["another run's", '4711\n{"run_id":"two"}\n', 'gone'],
    // Whoever takes the run over writes itself into the lock: between emptying and writing nobody is named.
    ["nobody's at this moment", '', 'running'],
    ["half a word's", '4711\n', 'running'],
  ])('the lock is %s', async (_whose, text, state) => {
    await held(text);
    const [answer] = await words(shell, root, [message('follow', 'one', 'web', '0')]);
    expect(decode(answer?.out ?? new Uint8Array())).toBe(`${state} -\nup started 0 1 -\n`);
  });

  it('the lock is held, and others on that host are taken and let go of all the time', async () => {
    await held('4711\n{"run_id":"one"}\n');
    const others = Array.from({ length: 40 }, (_, number) => join(root, `other-${number}`));
    const churn = spawn('perl', [
      '-e',
      'use Fcntl ":flock"; my @f = map { open(my $h, ">", $_) or die; $h } @ARGV; $| = 1; print "."; while (1) { flock($_, LOCK_EX) for @f; flock($_, LOCK_UN) for @f }',
      ...others,
    ]);
    await new Promise((resolve) => churn.stdout.once('data', resolve));
    const answers = await words(
      shell,
      root,
      Array.from({ length: 50 }, () => message('follow', 'one', 'web', '0')),
    );
    churn.kill('SIGKILL');
    const states = answers.map((answer) => decode(answer.out).split(' ')[0]);
    expect(states.filter((state) => state !== 'running')).toEqual([]);
  });

  it('an answer that nobody reads any more ends the conversation, and leaves nothing behind', async () => {
    const [program, ...rest] = shell as [string, ...string[]];
    const child = spawn(program, [...rest, '-c', 'eval "$1"', 'platformctl', talkProgram, root]);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.stdin.on('error', () => undefined);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(readdirSync(join(root, '.platform/tmp'))).toHaveLength(1);
    child.stdout.destroy();
    for (let said = 0; said < 50 && child.exitCode === null && child.signalCode === null; said += 1) {
      child.stdin.write(encode([message('held')]));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await ended;
    expect(readdirSync(join(root, '.platform/tmp'))).toEqual([]);
  });

  it('X-5 a client that reads no answer any more, as one that was stopped, is gone like one that says nothing', async () => {
    const [program, ...rest] = shell as [string, ...string[]];
    const impatient = talkProgram.replace('PATIENCE=60', 'PATIENCE=1').replace('bytes / 16384', 'bytes / 4194304');
    write(root, { 'state/big': 'x'.repeat(4 * 1024 * 1024) });
    const child = spawn(program, [...rest, '-c', 'eval "$1"', 'platformctl', impatient, root]);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.pause();
    const words = setInterval(() => child.stdin.write(encode([message('get', 'state/big')])), 200);
    child.stdin.on('error', () => undefined);
    expect(await ended).toBe(143);
    clearInterval(words);
    child.stdout.destroy();
    expect(readdirSync(join(root, '.platform/tmp'))).toEqual([]);
  });

  it('7-cli a flock that knows no -E, as that of busybox, is missing', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    const fake = '#!/bin/sh\nfor word; do [ "$word" != -E ] || exit 1; done\n';
    writeFileSync(join(bin, 'flock'), fake, { mode: 0o755 });
    const [answer] = await words(shell, root, [message('hello')], `${bin}:${process.env.PATH}`);
    expect(decode(answer?.out ?? new Uint8Array())).toContain('missing flock\n');
    const [real] = await words(shell, root, [message('hello')]);
    expect(decode(real?.out ?? new Uint8Array())).not.toContain('missing');
  });
});
