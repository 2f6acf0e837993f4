/**
 * X-6: many conversations of the host's own program want one lock, while their processes are stopped, continued and killed at random moments. By hand:
 * `npx tsx test/faults/contention.ts --contenders 50 --rounds 200 --seed 1`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encode, message, put } from '../../src/execute/protocol.js';
import { talkProgram } from '../../src/host/programs.js';
import { random as draws } from './kill-random.js';
import { signal, sleep } from './scene.js';

export interface Contention {
  /** Times that somebody got the lock. */
  readonly taken: number;
  /** Of these, by a conversation that had lost a process before its answer was read: nothing is held against others on its word. */
  readonly doubtful: number;
  readonly killed: number;
  readonly stopped: number;
  /** What must never be: two holders, or a lock that nobody holds and nobody gets. */
  readonly wrong: readonly string[];
}

/** The processes of a conversation: talk.sh, the chain of `flock`, and the inner talk.sh, which answers. */
function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // gone
    }
  }
  const found = [pid];
  for (let at = 0; at < found.length; at += 1)
    for (const [child, parent] of parents) if (parent === found[at]) found.push(child);
  return found;
}

class Answers {
  private text = '';
  private wake = (): void => {};
  private over = false;
  constructor(child: ChildProcess) {
    child.stdout?.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
      this.wake();
    });
    child.on('close', () => {
      this.over = true;
      this.wake();
    });
  }
  private async until<T>(take: () => T | null, ms: number): Promise<T | null> {
    const end = Date.now() + ms;
    for (;;) {
      const taken = take();
      if (taken !== null || this.over || Date.now() > end) return taken;
      await Promise.race([new Promise<void>((resolve) => (this.wake = resolve)), sleep(50)]);
    }
  }
  line(ms: number): Promise<string | null> {
    return this.until(() => {
      const at = this.text.indexOf('\n');
      if (at < 0) return null;
      const line = this.text.slice(0, at);
      this.text = this.text.slice(at + 1);
      return line;
    }, ms);
  }
  /** The exit of the next answer; null: the conversation ended, or said nothing in time. */
  async code(ms: number): Promise<number | null> {
    const head = /^([0-9]+) ([0-9]+) ([0-9]+)$/.exec((await this.line(ms)) ?? '');
    if (!head) return null;
    const size = Number(head[2]) + Number(head[3]);
    const body = await this.until(() => {
      if (this.text.length < size) return null;
      this.text = this.text.slice(size);
      return true;
    }, ms);
    return body ? Number(head[1]) : null;
  }
}

export async function contend(contenders: number, rounds: number, seed: number): Promise<Contention> {
  const root = mkdtempSync(join(tmpdir(), 'platformctl-contention-'));
  const lock = join(root, '.platform/locks/module.web');
  const random = draws(seed);
  const holders = new Map<number, ChildProcess>();
  const alive = new Set<ChildProcess>();
  /** Lost a process: its answer may be older than that, so whether it holds anything cannot be told. */
  const struck = new WeakSet<ChildProcess>();
  let doubtful = 0;
  const wrong: string[] = [];
  let [taken, killed, stopped, over, number] = [0, 0, 0, false, 0];
  let lastTaken = Date.now();

  /** One conversation: asks for the lock until it has it, holds it for a moment, lets go. `patienceMs`: once all is over it still asks for so long. */
  async function round(patienceMs = 0): Promise<void> {
    const patient = Date.now() + patienceMs;
    number += 1;
    const id = number;
    const run = `00000000-0000-7000-8000-${`${id}`.padStart(12, '0')}`;
    const child = spawn('sh', ['-c', 'eval "$1"', 'platformctl', talkProgram, root], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    alive.add(child);
    const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
    child.stdin.on('error', () => undefined);
    const answers = new Answers(child);
    const holder = new TextEncoder().encode(`{"run_id":"${run}"}\n`);
    try {
      if ((await answers.line(60_000)) !== 'platformctl 1') return;
      for (;;) {
        child.stdin.write(encode([...put('holder', holder), message('lock', run, 'module.web')]));
        if ((await answers.code(60_000)) !== 0) return;
        const code = await answers.code(60_000);
        if (code === 0) break;
        if (code !== 75 || (over && Date.now() >= patient)) return;
        await sleep(20 + 60 * random());
      }
      if (holders.size > 0) wrong.push(`${run} got the lock while ${[...holders.keys()].join(' ')} held it`);
      taken += 1;
      lastTaken = Date.now();
      if (struck.has(child)) doubtful += 1;
      else holders.set(id, child);
      const mine = readFileSync(lock, 'utf8');
      await sleep(5 + 30 * random());
      // Who was killed meanwhile holds nothing any more.
      if (holders.has(id) && readFileSync(lock, 'utf8') !== mine)
        wrong.push(`somebody wrote into the lock that ${run} held`);
    } finally {
      holders.delete(id);
      child.stdin.end();
      await Promise.race([closed, sleep(20_000)]);
      if (child.exitCode === null && child.pid) signal(family(child.pid));
      alive.delete(child);
    }
  }

  /** Strikes one process of somebody, now and then. */
  async function chaos(): Promise<void> {
    while (!over) {
      await sleep(20 + 80 * random());
      const child = [...alive][Math.floor(random() * alive.size)];
      if (!child?.pid) continue;
      const pids = family(child.pid);
      const pid = pids[Math.floor(random() * pids.length)] as number;
      if (random() < 0.4) {
        // The holder is whoever answers, and who has its lock open: with one of them gone it may hold nothing any more.
        struck.add(child);
        for (const [id, held] of holders) if (held === child) holders.delete(id);
        signal([pid]);
        killed += 1;
      } else {
        signal([pid], 'SIGSTOP');
        stopped += 1;
        setTimeout(() => signal([pid], 'SIGCONT'), 200 * random());
      }
    }
  }

  let left = rounds * contenders;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await round();
      if (Date.now() - lastTaken > 120_000) {
        wrong.push('nobody got the lock for two minutes');
        left = 0;
      }
    }
  };
  const striking = chaos();
  await Promise.all(Array.from({ length: contenders }, worker));
  over = true;
  await striking;
  // Nobody is left, but who was stopped last may not go on yet: whoever comes now has it in a moment.
  const before = taken;
  await round(10_000);
  if (taken !== before + 1) wrong.push('the lock stayed behind');
  rmSync(root, { recursive: true, force: true });
  return { taken, doubtful, killed, stopped, wrong };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const flag = (name: string, fallback: number): number => {
    const at = process.argv.indexOf(name);
    return at < 0 ? fallback : Number(process.argv[at + 1]);
  };
  const seed = flag('--seed', 1);
  const result = await contend(flag('--contenders', 50), flag('--rounds', 200), seed);
  console.log(JSON.stringify({ seed, ...result }));
  process.exitCode = result.wrong.length === 0 ? 0 : 1;
}
