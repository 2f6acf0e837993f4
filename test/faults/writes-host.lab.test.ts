/**
 * R-4 on the host: a fault at every system call of a run's two records, of the intent (step 6) and of the outcome (step 10), in the shells that hosts have.
 *
 * "Every" is every call of the shell that records, and of all that it starts, that names or holds a file of the run's or of the state's (EIO, ENOSPC and SIGKILL),
 * a pipe between them, or that starts, replaces, awaits or ends one of them (SIGKILL: a kernel has no EIO for these). Left out is what a program does by itself:
 * memory, signals, its libraries. Where a call may change what lies on the disk, the supervisor is also killed with all that it runs.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, type Fault, FIRST, type Host, hostWith, NEXT, type Stand } from './host-write.js';

const AT_ONCE = 2;
const CHANGES =
  /^(open|openat|write|sendfile|copy_range|ftruncate|truncate|fsync|fdatasync|rename|renameat2?|unlink|unlinkat)$/;

/** What is wrong after a fault, and after the next run. */
function wrong({ first, next }: { first: Stand; next: Stand }): string[] {
  const told: Readonly<Record<string, readonly [end: string | null, ...documents: string[]]>> = {
    7: ['remote_failed 7', 'old', `applying of ${FIRST}`],
    9: ['applied 9', `applied of ${FIRST}`],
    16: ['applied_unrecorded 16', `applying of ${FIRST}`, `applied of ${FIRST}`],
    null: [null, 'old', `applying of ${FIRST}`, `applied of ${FIRST}`],
  };
  const [end, ...documents] = told[String(first.exit)] ?? ['no such exit'];
  return [
    first.end === end || first.exit === null ? [] : [`exit ${first.exit}, journal: ${first.end}`],
    documents.includes(first.document) ? [] : [`exit ${first.exit}, document: ${first.document}`],
    first.chain,
    next.exit === 9 && next.document === `applied of ${NEXT}` ? [] : [`next: exit ${next.exit}, ${next.document}`],
    next.chain.map((problem) => `next: ${problem}`),
    / whole$/.test(next.left) ? [] : [`next: chain of ${next.left}`],
  ].flat();
}

describe.skipIf(process.arch !== 'x64' && process.env.CI !== 'true').each([
  ['dash', ['dash']],
  ['busybox sh', ['busybox', 'sh']],
])('R-4 a record by %s (x86-64 only)', (_, shell) => {
  let host: Host;
  let calls: Call[];
  beforeAll(async () => {
    host = await hostWith(shell);
    calls = await host.calls();
  });
  afterAll(() => host?.dispose());

  /** What is wrong, and how many faults there were. */
  async function faults(at: readonly Call[], ...kinds: Fault[]): Promise<{ found: string[]; made: number }> {
    const found: string[] = [];
    const waiting = at.flatMap((call) => kinds.map((fault) => ({ call, fault })));
    const worker = async (): Promise<number> => {
      let made = 0;
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        const { point, name, what } = one.call;
        const ended = await host.run(point, one.fault);
        if (ended) made += 1;
        // How often a shell reads and waits depends on who is quicker.
        const problems = ended ? wrong(ended) : /^(read|wait4)$/.test(name) ? [] : ['was never reached'];
        found.push(...problems.map((problem) => `${one.fault} at ${point} ${name} ${what}: ${problem}`));
      }
      return made;
    };
    const made = await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { found, made: made.reduce((a, b) => a + b) };
  }
  const isFile = ({ what }: Call): boolean => what !== 'pipe' && what !== '-';

  it('has the calls that such a write is made of, in each of the two records', () => {
    const has = (name: RegExp, what: string) =>
      calls.filter((call) => name.test(call.name) && call.what === what).length;
    expect(has(/^fsync$/, 'state/audit.jsonl')).toBe(2);
    expect(has(/^fsync$/, 'state/modules/web.status.json.new')).toBe(2);
    expect(has(/^rename/, 'state/modules/web.status.json.new')).toBeGreaterThanOrEqual(2);
    expect(has(/^fsync$/, 'state/modules')).toBe(2);
    expect(has(/^truncate|^ftruncate/, 'state/audit.jsonl')).toBe(1);
    expect(has(/^write$/, 'state/audit.jsonl')).toBe(2);
  });

  it('EIO and ENOSPC: the document is the old or the new one, the exit says which, the next run goes on', {
    timeout: 900_000,
  }, async () => {
    const { found, made } = await faults(calls.filter(isFile), 'EIO', 'ENOSPC');
    expect(found).toEqual([]);
    expect(made).toBe(2 * calls.filter(isFile).length);
  });

  it('SIGKILL of the process that makes the call: the same', { timeout: 900_000 }, async () => {
    const { found, made } = await faults(calls, 'KILL');
    expect(found).toEqual([]);
    expect(made).toBeGreaterThan(0.95 * calls.length);
  });

  it('SIGKILL of the supervisor and of all that it runs: the old or the new document', {
    timeout: 900_000,
  }, async () => {
    const changing = calls.filter((call) => isFile(call) && CHANGES.test(call.name) && call.what.startsWith('state/'));
    const { found, made } = await faults(changing, 'ALL');
    expect(found).toEqual([]);
    expect(made).toBe(changing.length);
  });
});
