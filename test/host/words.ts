/** talk.sh alone, without an engine: a folder as remote_root, words in, answers out. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Answer, encode, type Message, readAnswer } from '../../src/execute/protocol.js';
import { talkProgram } from '../../src/host/programs.js';

/** The shells that this machine has. */
export const SHELLS = [['dash'], ['busybox', 'sh'], ['bash']].filter(
  ([program, ...rest]) => spawnSync(program as string, [...rest, '-c', 'true']).status === 0,
);

export async function words(
  shell: readonly string[],
  root: string,
  messages: readonly Message[],
  path = process.env.PATH as string,
): Promise<Answer[]> {
  const [program, ...rest] = shell as [string, ...string[]];
  const { stdout } = spawnSync(program, [...rest, '-c', 'eval "$1"', 'platformctl', talkProgram, root], {
    input: encode(messages),
    env: { PATH: path, HOME: '/' },
    maxBuffer: 64 * 1024 * 1024,
  });
  let at = 0;
  const source = {
    line: async () => {
      const end = stdout.indexOf(10, at);
      const line = stdout.toString('utf8', at, end);
      at = end + 1;
      return line;
    },
    bytes: async (n: number) => {
      at += n;
      return stdout.subarray(at - n, at);
    },
  };
  if ((await source.line()) !== 'platformctl 1') throw new Error(`no greeting: ${stdout}`);
  const answers: Answer[] = [];
  for (const _ of messages) answers.push(await readAnswer(source, 'box', { ms: 1, step: 'test' }));
  return answers;
}

export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, '.platform', path)), { recursive: true });
    writeFileSync(join(root, '.platform', path), text);
  }
}
