/** The host's audit chain as talk.sh writes it, in the shells that hosts have. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message } from '../../src/execute/protocol.js';
import { readHeadWords } from '../../src/record/heads.js';
import { auditMiddle, checkChain, headOf } from '../../src/state/audit.js';
import { SHELLS, words } from './words.js';

let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'chain-'));
  mkdirSync(join(root, '.platform/state'), { recursive: true });
  file = join(root, '.platform/state/audit.jsonl');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const middle = auditMiddle({
  run_id: 'r',
  who: 'alice@laptop',
  module: 'web',
  event: 'apply',
  outcome: 'refused',
  digest: 'a'.repeat(64),
});
const problems = () => checkChain(readFileSync(file), []).problems.map(({ line, code }) => `${line} ${code}`);

describe.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('R-6 the chain in %s', (_, shell) => {
  const append = async (times = 1) =>
    (await words(shell, root, Array<ReturnType<typeof message>>(times).fill(message('audit', middle)))).map(
      (answer) => {
        expect(answer.code).toBe(0);
        return readHeadWords(answer.out);
      },
    );

  it('every line follows from the one before, and what comes back is the new head', async () => {
    const heads = await append(12);
    expect(
      checkChain(
        readFileSync(file),
        heads.filter((head) => head !== null),
      ),
    ).toEqual({
      lines: 12,
      problems: [],
      head: heads[11],
    });
    expect(heads[11]?.seq).toBe(12);
  });

  it('R-4 a write that was cut off is cut away', async () => {
    await append(2);
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"seq":3,"time":"20`);
    await append();
    expect(problems()).toEqual([]);
    expect(checkChain(readFileSync(file), []).lines).toBe(3);
  });

  const evil = (seq: string): string => `{"seq":${seq},"time":"x","prev":"y","hash":"${'a'.repeat(64)}"}`;
  it.each([
    ['no line', 'garbage'],
    ['an empty line', ''],
    ['a number that is a command', evil('a[$(touch evil)]')],
    ['a number that is a name', evil('PATH')],
    ['a number that reads as octal', evil('08')],
    ['a number that is too long', evil('12345678901234567890')],
    ['a hash that is none', evil('2').replace('a"}', '$(touch evil)"}')],
    ['bytes', '\\x00\\xff\\x1b'],
  ])('the chain goes on behind %s, which is found', async (_name, line) => {
    await append(1);
    writeFileSync(file, `${readFileSync(file, 'utf8')}${line}\n`);
    const [head] = await append(2);
    expect(head?.seq).toBe(3);
    const found = problems();
    expect(found[0]).toMatch(/^2 PCTL-AUDIT-/);
    expect(found.filter((one) => one.startsWith('4'))).toEqual([]);
    expect(existsSync('evil') || existsSync(join(root, 'evil')) || existsSync('/evil')).toBe(false);
  });

  it('a long chain comes in pieces', async () => {
    await append(3);
    const [whole, rest] = await words(shell, root, [
      message('get', 'state/audit.jsonl'),
      message('get', 'state/audit.jsonl', '100'),
    ]);
    expect(Buffer.from(whole?.out ?? [])).toEqual(readFileSync(file));
    expect(Buffer.from(rest?.out ?? [])).toEqual(readFileSync(file).subarray(100));
  });

  it('what it wrote is what TypeScript would have written', async () => {
    const [head] = await append();
    expect(headOf(readFileSync(file, 'utf8').trimEnd())).toEqual(head);
  });
});
