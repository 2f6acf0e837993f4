/** Answers of talk.sh whose beginning the host cut off: the rest of a line may be the rest of a secret, and its key is gone (O-4). */
import { expect, it } from 'vitest';
import { message, overTalk } from '../../src/execute/protocol.js';
import type { Conversation } from '../../src/ports.js';
import { visibleLine } from '../../src/secret/controls.js';
import { createRedactor } from '../../src/secret/redactor.js';

/** What is heard of an answer with these outputs. */
async function heard(verb: string, out: string, err = '') {
  let told = Buffer.from(`0 ${out.length} ${err.length}\n${out}${err}`);
  const take = (n: number): Buffer => {
    const taken = told.subarray(0, n);
    told = told.subarray(n);
    return taken;
  };
  const conversation = {
    say: async () => undefined,
    line: async () =>
      take(told.indexOf(10) + 1)
        .toString()
        .trimEnd(),
    bytes: async (n: number) => take(n),
  } as unknown as Conversation;
  const [answer] = await overTalk(conversation, 'box')([message(verb, 'x')], { ms: 1, step: 'test' });
  return { out: Buffer.from(answer?.out ?? []).toString(), err: answer?.err };
}

/** `bytes` of an output that goes on before them. */
const end = (bytes: number): string => `hunter2hunter2\n${'a line\n'.repeat(bytes)}`.slice(0, bytes - 1).concat('\n');

it.each([
  ['tail', 64 * 1024],
  ['pulled', 4 * 1024],
])('O-4 %s: the end of a long output begins with a line of its own', async (verb, bytes) => {
  const { out } = await heard(verb, end(bytes));
  expect(out.startsWith('a line\n')).toBe(true);
  expect((await heard(verb, end(bytes - 1))).out).toContain('hunter2');
  expect((await heard(verb, 'x'.repeat(bytes))).out).toBe('');
});

it('O-4 the end of what it complained of, too; a file that was asked for is whole', async () => {
  expect((await heard('do', '', end(8 * 1024))).err).not.toContain('hunter2');
  expect((await heard('get', end(64 * 1024))).out).toContain('hunter2');
});

it('O-4 a long line is cut where no secret is cut with it', () => {
  const token = `ghp_${'aB3dE5fG7h'.repeat(4)}`.slice(0, 40);
  for (let at = 1990 - 40; at <= 2000; at += 1) {
    const shown = createRedactor().text(visibleLine(`${'word '.repeat(400).slice(0, at - 1)} ${token} and more`));
    expect(shown).not.toContain('ghp_');
  }
});
