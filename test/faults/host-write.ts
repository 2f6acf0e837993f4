/**
 * A host's writes of status and audit chain without an engine, as the supervisor makes them: the real finish.sh, over a plan that has nothing to swap and nothing
 * to start and whose container, told by a `docker` of ours, is well. It records its intent, verifies, keeps the release, and records `applied`.
 */
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { goMessages } from '../../src/execute/go.js';
import type { Status } from '../../src/manifest/types.js';
import { headsIn } from '../../src/record/heads.js';
import { auditEntry, auditLine, checkChain, headOf } from '../../src/state/audit.js';
import { observationFixture, planFixture, statusFixture } from '../fixtures/plans.js';
import { BARE, finish } from '../lab/process.js';

const INJECT = join(import.meta.dirname, 'inject.pl');
export const FIRST = '0193a1c2-0000-7000-8000-000000000001';
export const NEXT = '0193a1c2-0000-7000-8000-000000000002';
const DOCUMENT = 'state/modules/web.status.json';
const CHAIN = 'state/audit.jsonl';

const schema = JSON.parse(await readFile('schemas/status.schema.json', 'utf8')) as object;
const follows = new Ajv2020({ strict: false, allErrors: true }).compile(schema);

/** Nothing to swap, nothing to start; its container need not stay up for a while. */
const PLAN = planFixture({
  files: [],
  folders: [],
  changes: [{ target: 'compose.service.web', action: 'adopt', reasons: ['not yet managed'] }],
  smoke: { ...planFixture().smoke, stable_seconds: 0 },
});

/** What a system call does instead. `KILL`: its process is killed before it; `ALL`: the supervisor and all that it runs. */
export type Fault = 'EIO' | 'ENOSPC' | 'KILL' | 'ALL';

/** A system call of a record: see inject.pl. */
export interface Call {
  readonly point: string;
  readonly name: string;
  /** A path beneath `.platform`, `pipe`, or `-`. */
  readonly what: string;
}

export interface Stand {
  /** null: it was killed. */
  readonly exit: number | null;
  /** Of the journal: `applied 9`; null where it has none. */
  readonly end: string | null;
  /** `old`, or the outcome of a document that follows the schema; else what is wrong with it. */
  readonly document: string;
  readonly chain: readonly string[];
  /** Lines of the chain, its tail, and what was begun. */
  readonly left: string;
}

export interface Host {
  /** The calls of both records of a run, in the order in which they were made. */
  calls(): Promise<Call[]>;
  /** A run with one fault in it, and the next run; null where the run never came to that call, as when a pipe was read in fewer pieces. */
  run(point: string, fault: Fault): Promise<{ first: Stand; next: Stand } | null>;
  dispose(): Promise<void>;
}

/** `shell`: the supervisor's. In memory, where there is such a folder: a real fsync is slow, and what is tested is what its failure does. */
export async function hostWith(shell: readonly string[]): Promise<Host> {
  const top = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'platformctl-write-'));
  const hosts = join(top, 'hosts');
  const brought = join(hosts, 'brought');
  const before = await bring(brought);
  await put(
    join(top, 'bin/docker'),
    `#!/bin/sh\ncase $1 in ps) echo ${'9'.repeat(64)} ;; inspect) echo "${'9'.repeat(64)} ${PLAN.image.id} running none 0 2026-11-20T12:00:00Z 0 ${'a'.repeat(64)}" ;; esac\n`,
  );
  await chmod(join(top, 'bin/docker'), 0o755);
  const env = { ...BARE, HOME: '/', PATH: `${join(top, 'bin')}:${BARE.PATH}` };
  /** The states that faults left, each with what the next run made of it: it knows nothing else of what was before. */
  const seen = new Map<string, Stand>();
  let made = 0;

  const ready = async (root: string, run: string): Promise<void> => {
    await mkdir(join(root, '.platform/runs', run, 'stage'), { recursive: true });
    await symlink(join(brought, run), join(root, '.platform/runs', run, 'go'));
    await put(join(root, '.platform/runs', run, 'holder'), '{}\n');
    await put(join(root, '.platform/runs', run, 'locks'), 'module.web\n');
  };
  const fresh = async (): Promise<string> => {
    const root = join(hosts, `${made++}`);
    await put(join(root, '.platform', DOCUMENT), before.document);
    await put(join(root, '.platform', CHAIN), before.chain);
    await put(join(root, '.platform/locks/audit'), '');
    await ready(root, FIRST);
    return root;
  };
  // As talk.sh `go` starts it; `exec`, so that it is the process that the faults are told of.
  const supervisor = (root: string, run: string): string[] => {
    const start = 'out=$1 && shift && exec "$@" </dev/null >"$out" 2>&1';
    return [
      ...['sh', '-c', start, 'go', join(root, '.platform/runs', run, 'finish.out')],
      ...[...shell, join(brought, run, 'finish.sh'), root, run],
    ];
  };
  const supervise = async (root: string, list: string, point: string, fault: string): Promise<Stand> => {
    const injector = [INJECT, list, hosts, join(root, '.platform/locks/audit'), point, fault];
    const { exit, stderr } = await finish('perl', [...injector, ...supervisor(root, FIRST)], { env });
    if (stderr !== '') throw new Error(stderr);
    return stand(root, FIRST, exit);
  };
  const stand = async (root: string, run: string, exit: number | null): Promise<Stand> => {
    const at = (path: string) => readFile(join(root, '.platform', path));
    const document = await at(DOCUMENT);
    const chain = await at(CHAIN);
    const journal = await at(`runs/${run}/journal`).catch(() => '');
    return {
      exit,
      end: /^end (\S+ \d+) .*\n/m.exec(`${journal}`)?.[1] ?? null,
      document: document.equals(Buffer.from(before.document)) ? 'old' : told(document),
      chain: checkChain(chain, headsIn(`${document}`)).problems.map(({ line, code }) => `${line} ${code}`),
      left: [
        `${chain}`.split('\n').length - 1,
        chain.at(-1) === 10 ? 'whole' : 'torn',
        existsSync(join(root, '.platform', `${DOCUMENT}.new`)) ? 'and a document' : '',
        existsSync(join(root, '.platform', `${CHAIN}.new`)) ? 'and a line' : '',
      ]
        .join(' ')
        .trim(),
    };
  };
  const nextRun = async (root: string): Promise<Stand> => {
    await ready(root, NEXT);
    const [program, ...words] = supervisor(root, NEXT) as [string, ...string[]];
    const { exit } = await finish(program, words, { env });
    return stand(root, NEXT, exit);
  };

  return {
    async calls() {
      const root = await fresh();
      const list = join(top, 'list');
      const found = await supervise(root, list, '-', 'none');
      if (found.exit !== 9) throw new Error(`without a fault: ${JSON.stringify(found)}`);
      const lines = (await readFile(list, 'utf8')).trimEnd().split('\n');
      return lines.map((line) => {
        const [point = '', name = '', what = ''] = line.split(' ');
        return { point, name, what: what.replace(`${root}/.platform/`, '').replace(`${brought}/`, '') };
      });
    },
    async run(point, fault) {
      for (let tries = 0; tries < 3; tries += 1) {
        const root = await fresh();
        const list = `${root}.list`;
        const first = await supervise(root, list, point, fault);
        const state = `${first.document}, ${first.chain}, ${first.left}`;
        const next = seen.get(state) ?? (await nextRun(root));
        seen.set(state, next);
        const reached = (await readFile(list, 'utf8')).includes(`${point} `);
        await rm(root, { recursive: true });
        await rm(list);
        if (reached) return { first, next };
      }
      return null;
    },
    dispose: () => rm(top, { recursive: true, force: true }),
  };
}

/** Into a folder what `go` brings of two runs, over a host where `web` is applied; that host's status and chain, whose last writer was killed. */
async function bring(folder: string): Promise<{ document: string; chain: string }> {
  const by = { who: 'alice@laptop', approvedBy: ['bob@example.net'], policy: { ref: 'main', sha: '1'.repeat(40) } };
  const lines: string[] = [];
  for (const outcome of ['applying', 'applied']) {
    const entry = auditEntry(PLAN, { id: '0193a1c2-0000-7000-8000-000000000000', ...by }, outcome);
    lines.push(auditLine(lines.at(-1) ?? null, '2026-11-20T12:00:00Z', entry));
  }
  const status = statusFixture({ audit: headOf(lines.at(-1) as string) });
  for (const id of [FIRST, NEXT]) {
    const run = { id, ...by, since: '2026-11-24T12:00:00Z', pr: null, imageId: PLAN.image.id, definitionHash: null };
    const observation = observationFixture({ status });
    for (const { args, payload } of goMessages({
      plan: PLAN,
      run,
      observation,
      dotenv: 'none',
      deadlines: { compose: 300, engine: 5 },
    }))
      await put(join(folder, id, (args[0] as string).replace('go/', '')), payload ?? '');
  }
  return { document: `${JSON.stringify(status)}\n`, chain: [...lines, '{"seq":3,"time":"20'].join('\n') };
}

async function put(file: string, bytes: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

function told(bytes: Buffer): string {
  try {
    const status = JSON.parse(`${bytes}`) as Status;
    if (!follows(status)) return `is no status: ${JSON.stringify(follows.errors)}`;
    return `${status.outcome} of ${status.outcome === 'applying' ? status.intent?.run_id : status.run_id}`;
  } catch {
    return `is no JSON: ${bytes}`;
  }
}
