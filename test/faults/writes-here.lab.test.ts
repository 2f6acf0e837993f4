/**
 * R-4 in the checkout: EIO, ENOSPC and SIGKILL at every system call on a file that one write of the status mirror makes, and one line of the audit chain, its lock
 * and what a killed writer left included.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFiles } from '../../src/adapters/files/files.js';
import { type AuditEntry, auditLine, checkChain } from '../../src/state/audit.js';
import { type Call, callsOf, type Fault, type How, writeWith } from './here-write.js';

const FAULTS: readonly Fault[] = ['EIO', 'ENOSPC', 'KILL'];
const AT_ONCE = 2;
const TRIES = 5;
let top: string;
let made = 0;
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'platformctl-here-'));
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

/** A folder of its own for each write, with what was there before. */
function fresh(name: string, before: string): string {
  const folder = join(top, String(made++));
  const path = join(folder, name);
  mkdirSync(folder);
  writeFileSync(path, before);
  chmodSync(path, 0o600);
  return path;
}

/** Every fault at every call; what `judge` finds wrong. */
async function faults(
  how: How,
  name: string,
  before: string,
  text: string,
  judge: (path: string, said: string | null) => Promise<string[]>,
): Promise<{ calls: Call[]; found: string[] }> {
  const calls = await callsOf(how, fresh(name, before), text);
  const waiting = calls.flatMap((call) => FAULTS.map((fault) => ({ call, fault })));
  const found: string[] = [];
  const worker = async (): Promise<void> => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      const { call, fault } = one;
      const problems = (await once(call, fault)) ?? ['was never reached'];
      found.push(...problems.map((problem) => `${fault} at ${call.line}: ${problem}`));
    }
  };
  const once = async (call: Call, fault: Fault): Promise<string[] | null> => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const path = fresh(name, before);
      const ended = await writeWith(call, fault, how, path, text);
      if (ended) return judge(path, ended.said);
    }
    return null;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { calls, found };
}

const names = (calls: readonly Call[]): string[] => [...new Set(calls.map((call) => call.name))];
const told = (said: string | null): string[] =>
  said === null || said === 'written' || said === 'PCTL-FILE-WRITE 2' ? [] : [`it said ${said}`];

describe('R-4 a fault at every file call of a write in the checkout', () => {
  it('a document: the old or the new one, as it said, and the next write works', async () => {
    const [old, next, last] = ['old', 'new', 'last'].map((name) =>
      JSON.stringify({ name, body: name.repeat(7000) }),
    ) as [string, string, string];
    const { calls, found } = await faults('write', 'web.status.json', old, next, async (path, said) => {
      const there = readFileSync(path, 'utf8');
      const wrong = told(said);
      if (there !== old && there !== next) wrong.push(`neither the old nor the new document: ${there.slice(0, 40)}`);
      if (said === 'written' && there !== next) wrong.push('it was not written');
      if ((statSync(path).mode & 0o777) !== 0o600) wrong.push('others may read it');
      await createFiles().write(path, Buffer.from(last));
      if (readFileSync(path, 'utf8') !== last) wrong.push('the next write did not write');
      return wrong;
    });
    expect(found).toEqual([]);
    expect(names(calls)).toEqual(expect.arrayContaining(['openat', 'write', 'fchmod', 'fsync', 'close', 'rename']));
    expect(calls.length).toBeGreaterThan(12);
  });

  it('R-6 a line of the audit chain: whole or not there, as it said, and the next line follows', async () => {
    const entry: AuditEntry = {
      run_id: 'r',
      who: 'a@b',
      module: 'web',
      event: 'apply',
      outcome: 'applied',
      digest: 'd',
    };
    const append = (before: string | null): string => auditLine(before, '2026-11-24T12:00:00Z', entry);
    const first = append(null);
    const second = append(first);
    const { calls, found } = await faults(
      'append',
      'audit.jsonl',
      `${first}\n${second}\n{"seq":3,"ti`,
      append(second),
      async (path, said) => {
        const wrong = told(said);
        const chain = checkChain(readFileSync(path), []);
        wrong.push(...chain.problems.map((problem) => `line ${problem.line} ${problem.code}`));
        if (chain.lines !== 3 && (chain.lines !== 2 || said === 'written')) wrong.push(`${chain.lines} lines`);
        await createFiles().append(path, append);
        const after = checkChain(readFileSync(path), chain.head ? [chain.head] : []);
        wrong.push(...after.problems.map((problem) => `then line ${problem.line} ${problem.code}`));
        if (after.lines !== chain.lines + 1 || !readFileSync(path, 'utf8').endsWith('}\n'))
          wrong.push('the next line is not there');
        if (readdirSync(join(path, '..')).includes('audit.jsonl.lock')) wrong.push('the lock stayed');
        return wrong;
      },
    );
    expect(found).toEqual([]);
    expect(names(calls)).toEqual(expect.arrayContaining(['link', 'ftruncate', 'pread64', 'write', 'fsync', 'unlink']));
    expect(calls.length).toBeGreaterThan(20);
  });
});
