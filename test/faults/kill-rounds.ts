/**
 * Applies that are killed with -9 at random moments, each followed by one that must succeed. Real sshd, real engine.
 *
 *   npx tsx test/faults/kill-rounds.ts [--rounds 200] [--seed N]
 *
 * The same seed draws the same victims and moments; what a moment meets depends on the machine.
 */
import { pathToFileURL } from 'node:url';
import { type Stage, stage } from '../accept/stage.js';
import { type Lab, startLab } from '../lab/lab.js';
import { draw, type Random, random } from './kill-random.js';
import { agentProcesses, heldLocks, look, platformFolder, type Seen, victims, watchStatus } from './kill-sight.js';
import { apply, launch, prepare, runsOf, signal, sleep, statusOf, until, WEB } from './scene.js';

const VICTIMS = ['client', 'supervisor', 'both', 'supervisor and compose'] as const;
type Victim = (typeof VICTIMS)[number];

/** Everything that a run may take: compose's limit is never reached here, a bad change is rolled back within seconds. */
const LOCK_LIMIT_MS = 75_000;
const ID = 'web';

export interface Round {
  readonly number: number;
  readonly victim: Victim;
  /** Milliseconds after the start of the apply. */
  readonly at: number;
  readonly bad: boolean;
  /** The last step in the journal at that moment, `talk` before `go`, `none` where no run was there. */
  readonly phase: string;
  /** Of the killed apply. */
  readonly exit: number | null;
  /** What status said afterwards: the document's outcome, or what the interrupted run was judged to be. */
  readonly told: string;
  /** Milliseconds from the kill until no lock was held. */
  readonly heldMs: number;
  /** Documents that were read while it ran. */
  readonly reads: number;
  readonly problems: readonly string[];
}

export interface Rounds {
  readonly rounds: readonly Round[];
  readonly seed: number;
}

async function write(on: Stage, value: string, bad: boolean): Promise<void> {
  await on.repo.write(`modules/${ID}/www/index.html`, value);
  const command = bad ? ['sh', '-c', 'sleep 0.2; exit 3'] : WEB.command;
  await on.module(ID, {
    compose: { services: { [ID]: { ...WEB, command, environment: { VALUE: value } } } },
    spec: { smoke: { stable_seconds: 1, timeout_seconds: 20 } },
  });
}

/** A good change that nobody disturbs; how long its apply took. */
async function undisturbed(on: Stage, value: string, problems: string[]): Promise<{ seen: Seen; ms: number }> {
  await write(on, value, false);
  await on.repo.publish(value);
  await prepare(on, ID);
  const started = Date.now();
  const ended = await apply(on, ID);
  const ms = Date.now() - started;
  if (ended.exit !== 9) problems.push(`the next apply exited ${ended.exit}: ${ended.said}`);
  const seen = await look(on, ID);
  if (seen.containers.length !== 1)
    problems.push(`after the next apply there are ${seen.containers.length} containers`);
  if (!runs(seen, value)) problems.push(`after the next apply: ${JSON.stringify(seen)}`);
  return { seen, ms };
}

const runs = (seen: Seen, value: string): boolean =>
  seen.running && seen.value === value && seen.page === value && seen.file === value;

async function round(on: Stage, number: number, draws: Random, before: Seen, longest: number): Promise<[Round, Seen]> {
  const problems: string[] = [];
  const victim = draw(draws, VICTIMS);
  const bad = draws() < 0.3;
  const at = Math.round(draws() * longest);
  const value = `r${number}${bad ? 'bad' : ''}`;
  await write(on, value, bad);
  const sha = await on.repo.publish(value);
  await prepare(on, ID);
  const known = await runsOf(on);

  const watch = watchStatus(on, ID);
  const running = await launch(on, ID);
  await sleep(at);
  const { phase, pids } = await victims(on, known);
  const targets = {
    client: [],
    supervisor: pids.supervisor,
    both: pids.supervisor,
    'supervisor and compose': [...pids.supervisor, ...pids.steps],
  }[victim];
  if (victim === 'client' || victim === 'both') running.child.kill('SIGKILL');
  signal(targets);

  const killed = Date.now();
  const ended = await running.ended;
  await until('the locks', async () => (await heldLocks(on)).length === 0, LOCK_LIMIT_MS).catch((error) =>
    problems.push(String(error)),
  );
  const heldMs = Date.now() - killed;
  // sshd and the shells see the end of a connection a moment later; `hear` gives a dead client 60 s.
  await until('the end of every process', async () => (await agentProcesses(on)).length === 0, LOCK_LIMIT_MS).catch(
    async () => problems.push(`left behind: ${(await agentProcesses(on)).join(' | ')}`),
  );
  const watched = await watch.end();
  problems.push(...watched.problems);

  const seen = await look(on, ID);
  const { row, exit: statusExit } = await statusOf(on, ID);
  const told = row.interrupted?.outcome ?? row.outcome ?? 'none';
  const about = row.intent?.sha ?? row.attempt?.sha;
  const untouched = about !== sha;
  const wrong = (what: string): unknown =>
    problems.push(`${what}: ${JSON.stringify({ told, before, seen, exit: ended.exit, row })}`);
  if (untouched) {
    if (JSON.stringify(seen) !== JSON.stringify(before)) wrong('nothing was recorded, and something was changed');
    if (ended.exit === 9 || ended.exit === 11) wrong('an outcome that the host does not know');
  } else if (told === 'applied') {
    if (bad || seen.containers.length !== 1 || !runs(seen, value)) wrong('told applied for what is not');
  } else if (told === 'rolled_back') {
    if (seen.containers.length !== 1 || !runs(seen, before.value ?? '')) wrong('told rolled_back for what is not');
  } else if (told !== 'unknown') wrong('told neither applied, rolled_back nor unknown');
  if (ended.exit === 9 && (untouched || told !== 'applied')) wrong('exit 9 and not applied');
  if (ended.exit === 11 && (untouched || told !== 'rolled_back')) wrong('exit 11 and not rolled back');
  if (![null, 7, 9, 11, 15].includes(ended.exit)) wrong(`exit ${ended.exit}: ${ended.said}`);
  if ((told === 'unknown') !== (statusExit === 15)) wrong(`status exited ${statusExit}`);

  const next = await undisturbed(on, `n${number}`, problems);
  problems.push(...(await platformFolder(on, ID)));
  return [
    {
      number,
      victim,
      at,
      bad,
      phase,
      exit: ended.exit,
      told: untouched ? 'untouched' : told,
      heldMs,
      reads: watched.reads,
      problems,
    },
    next.seen,
  ];
}

/** Rounds on a lab of one's own: whatever runs there as the agent is this one's. */
export async function killRounds(
  lab: Lab,
  options: { rounds: number; seed: number; tell?: (round: Round) => void },
): Promise<Rounds> {
  const on = await stage(lab);
  try {
    const draws = random(options.seed);
    const problems: string[] = [];
    await undisturbed(on, 'first', problems);
    let { seen, ms: longest } = await undisturbed(on, 'second', problems);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const rounds: Round[] = [];
    for (let number = 1; number <= options.rounds; number += 1) {
      const [one, next] = await round(on, number, draws, seen, longest);
      rounds.push(one);
      options.tell?.(one);
      seen = next;
    }
    return { rounds, seed: options.seed };
  } finally {
    await on.dispose();
  }
}

function figures({ rounds, seed }: Rounds): string {
  const tally = (of: (round: Round) => string): string => {
    const counts = new Map<string, number>();
    for (const one of rounds) counts.set(of(one), (counts.get(of(one)) ?? 0) + 1);
    return [...counts]
      .sort()
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  };
  const longest = (of: (round: Round) => boolean): string =>
    `${(Math.max(0, ...rounds.filter(of).map((one) => one.heldMs)) / 1000).toFixed(1)} s`;
  return [
    `${rounds.length} rounds, seed ${seed}, ${rounds.filter((one) => one.problems.length > 0).length} with problems`,
    `  killed:    ${tally((one) => one.victim)}`,
    `  in:        ${tally((one) => one.phase)}`,
    `  exits:     ${tally((one) => String(one.exit ?? 'killed'))}`,
    `  told:      ${tally((one) => one.told)}`,
    `  changes:   ${tally((one) => (one.bad ? 'bad' : 'good'))}`,
    `  a lock was held at most ${longest((one) => one.phase === 'talk')} after a kill before go, ${longest((one) => one.phase !== 'talk' && one.phase !== 'none')} after one behind it`,
    `  the status document was read ${rounds.reduce((sum, one) => sum + one.reads, 0)} times while it was written`,
  ].join('\n');
}

async function main(args: readonly string[]): Promise<number> {
  const number = (name: string, otherwise: number): number => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  const seed = number('seed', Date.now() % 1_000_000);
  const lab = await startLab();
  try {
    const done = await killRounds(lab, {
      rounds: number('rounds', 200),
      seed,
      tell: ({ problems, ...round }) => {
        console.log(JSON.stringify(round));
        for (const problem of problems) console.log(`  PROBLEM ${problem}`);
      },
    });
    console.log(figures(done));
    return done.rounds.some((one) => one.problems.length > 0) ? 1 : 0;
  } finally {
    await lab.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main(process.argv.slice(2));
