/** What can be seen of a host while its applies are killed, without asking platformctl: it is the one under test. */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Status } from '../../src/manifest/types.js';
import { checkChain } from '../../src/state/audit.js';
import type { Stage } from '../accept/stage.js';
import { containers, document, runsOf, sleep } from './scene.js';

export interface Seen {
  readonly containers: readonly string[];
  readonly running: boolean;
  /** The variable in the container's definition. */
  readonly value: string | null;
  /** What it serves, read inside of it. */
  readonly page: string | null;
  /** What lies on the host. */
  readonly file: string | null;
}

export async function look(on: Stage, id: string): Promise<Seen> {
  const found = await containers(on, id);
  const [only] = found.length === 1 ? found : [];
  const file = await readFile(`${on.repo.remoteRoot()}/modules/${id}/www/index.html`, 'utf8').catch(() => null);
  if (only === undefined) return { containers: found, running: false, value: null, page: null, file };
  const [running, ...env] = (
    await on.lab.docker('inspect', '--format', '{{.State.Running}}{{range .Config.Env}}\n{{.}}{{end}}', only)
  ).split('\n');
  const page = running === 'true' ? await on.inside(id, 'cat', '/www/index.html').catch(() => null) : null;
  const value = env.find((one) => one.startsWith('VALUE='))?.slice('VALUE='.length) ?? null;
  return { containers: found, running: running === 'true', value, page, file };
}

const folder = (on: Stage): string => `${on.repo.remoteRoot()}/.platform`;

/** Names of locks that the kernel says are held. */
export async function heldLocks(on: Stage): Promise<string[]> {
  const kernel = await readFile('/proc/locks', 'utf8');
  const held: string[] = [];
  for (const name of await readdir(`${folder(on)}/locks`).catch(() => [])) {
    const { ino } = await stat(`${folder(on)}/locks/${name}`);
    if (kernel.includes(`:${ino} `)) held.push(name);
  }
  return held;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly command: readonly string[];
}

/** Everything that an ssh session of the lab's host started: sshd gives it this variable, and `env -i` hands it on. */
async function agentList(on: Stage): Promise<Process[]> {
  const mark = `DOCKER_CONFIG=${on.lab.host().docker_config}`;
  const list: Process[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const read = (file: string): Promise<string> => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
    if (!(await read('environ')).split('\0').includes(mark)) continue;
    const text = await read('stat');
    const [state, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (state === undefined || state === 'Z') continue;
    const command = (await read('cmdline')).split('\0').slice(0, -1);
    list.push({ pid: Number(name), parent: Number(parent), session: Number(session), command });
  }
  return list;
}

const words = ({ command }: Process): string =>
  command.map((word) => (word.length > 80 ? `${word.slice(0, 20)}...` : word)).join(' ');

export const agentProcesses = async (on: Stage): Promise<string[]> => (await agentList(on)).map(words);

/** Who holds a run that was not there before, and how far it has come: finish.sh behind `go`, the shells of the conversation before it. */
export async function victims(
  on: Stage,
  known: readonly string[],
): Promise<{ phase: string; pids: { supervisor: number[]; steps: number[] } }> {
  const list = await agentList(on);
  const finish = list.filter(
    (one) => one.pid === one.session && one.command.some((word) => word.endsWith('/finish.sh')),
  );
  const talk = list.filter((one) => one.command.includes('platformctl'));
  const steps = list.filter((one) => one.command.includes('compose') && one.command.includes('--no-deps'));
  const pids = {
    supervisor: (finish.length > 0 ? finish : talk).map((one) => one.pid),
    steps: steps.map((one) => one.pid),
  };
  const run = (await runsOf(on)).find((one) => !known.includes(one));
  if (run === undefined) return { phase: talk.length > 0 ? 'talk' : 'none', pids };
  const journal = await readFile(`${folder(on)}/runs/${run}/journal`, 'utf8').catch(() => '');
  return { phase: journal.trimEnd().split('\n').at(-1)?.split(' ')[0] || 'talk', pids };
}

const valid = new Ajv2020({ strict: false }).compile(
  JSON.parse(await readFile(new URL('../../schemas/status.schema.json', import.meta.url), 'utf8')),
);

/** Reads the status document over and over: whole, valid, and never older than it was. */
export function watchStatus(on: Stage, id: string): { end(): Promise<{ reads: number; problems: string[] }> } {
  const problems: string[] = [];
  let reads = 0;
  let over = false;
  let serial = 0;
  const watching = (async () => {
    while (!over && problems.length === 0) {
      try {
        const status = await document(on, id);
        reads += 1;
        if (status === null) problems.push('the status document is gone');
        else if (!valid(status)) problems.push(`the status document is not valid: ${JSON.stringify(valid.errors)}`);
        else if (status.serial < serial)
          problems.push(`the status document went back from ${serial} to ${status.serial}`);
        else serial = status.serial;
      } catch (error) {
        problems.push(`the status document does not parse: ${error}`);
      }
      await sleep(3);
    }
  })();
  return {
    async end() {
      over = true;
      await watching;
      return { reads, problems };
    },
  };
}

/** `.lock.PID.N` and `.PID.N.tmp` of a process that is gone: a file that was never moved to its place says nothing, and stays. */
function ofSomebodyKilled(name: string): boolean {
  const [, pid] = /\.([0-9]+)\.[0-9]+(\.tmp)?$/.exec(name) ?? [];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

/** What an undisturbed apply has to leave: a chain that holds, and nothing of runs that never passed `go`. */
export async function platformFolder(on: Stage, id: string): Promise<string[]> {
  const problems: string[] = [];
  const status = (await document(on, id)) as Status | null;
  const chain = await readFile(`${folder(on)}/state/audit.jsonl`);
  const { problems: broken } = checkChain(chain, status?.audit ? [status.audit] : []);
  for (const one of broken) problems.push(`audit line ${one.line} ${one.summary}`);
  for (const run of await runsOf(on)) {
    const journal = await stat(`${folder(on)}/runs/${run}/journal`).catch(() => null);
    if (journal === null) problems.push(`run ${run} never passed go and is still there`);
  }
  const names = await readdir(`${folder(on)}/state/modules`);
  const strangers = names.filter((name) => !name.endsWith('.status.json'));
  if (strangers.length > 0) problems.push(`left in state/modules: ${strangers.join(' ')}`);
  const talks = await readdir(`${folder(on)}/tmp`);
  if (talks.length > 0) problems.push(`left in tmp: ${talks.join(' ')}`);
  const here = await readdir(`${on.repo.dir}/.platform/state`, { recursive: true });
  const mine = here.filter((name) => /\.lock|\.tmp$/.test(name) && !ofSomebodyKilled(name));
  if (mine.length > 0) problems.push(`left in the checkout: ${mine.join(' ')}`);
  return problems;
}
