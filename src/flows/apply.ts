/**
 * plan -> gate -> execute -> verify -> record, for one plan. Nothing is changed on a host before `go`; from `go` on the host needs nobody, and
 * this only follows what it does.
 */
import { PlatformError } from '../errors.js';
import { converse } from '../execute/converse.js';
import { eventOf, followRun, type RunEnd } from '../execute/follow.js';
import { goMessages, upCommand } from '../execute/go.js';
import { lockNames, takeLocks } from '../execute/lock.js';
import { imageId, stage } from '../execute/preflight.js';
import { decode, type Exchange, message } from '../execute/protocol.js';
import {
  EXIT_BUSY,
  EXIT_CHANGES,
  EXIT_INTERRUPTED,
  EXIT_NO_CHANGES,
  EXIT_REMOTE_FAILED,
  EXIT_STALE,
  EXIT_TOOL_ERROR,
  EXIT_UNKNOWN,
} from '../exits.js';
import { evaluate } from '../gate/evaluate.js';
import { changesAnything } from '../gate/facts.js';
import { type GateVerdict, gatesExit } from '../gate/verdict.js';
import type { Plan } from '../manifest/types.js';
import type { Conversation, Host, Report, StepEvent, World } from '../ports.js';
import { quote } from '../quote.js';
import { auditMiddle } from '../state/status.js';
import { whyWords } from '../verify/words.js';
import { hostAddress } from './addresses.js';
import { type ApplyOptions, type Case, factsUnderLock, factsWithoutHost, openCase } from './apply-case.js';
import { type Looked, lookAtHost } from './observe-host.js';
import { timestamp } from './plan.js';
import { recordHere } from './record-here.js';
import type { ApplyResult, Failure } from './results.js';

/** Seconds: X-8. */
const COMPOSE_SECONDS = 300;
const SPARE_MS = 120_000;

/** How a person is asked in mode `self`: shows the plan, returns what was typed. */
export interface Ask {
  readonly confirm: (plan: Plan, destructive: boolean) => Promise<'yes' | 'module id' | 'declined' | 'no terminal'>;
}

export async function applyFlow(world: World, options: ApplyOptions, report: Report, ask: Ask): Promise<ApplyResult> {
  const started = world.clock.now();
  const open = await openCase(world, options);
  const { plan } = open;
  const step = (name: StepEvent['step'], state: StepEvent['state'], detail: string): void =>
    report({ time: timestamp(world.clock.now()), module: plan.module, step: name, state, detail });
  const base: ApplyResult = {
    module: plan.module,
    host: plan.host,
    composeService: plan.service,
    outcome: 'refused',
    message: '',
    runId: null,
    changed: false,
    digest: plan.digest,
    sourceSha: plan.source_sha,
    stateArtifact: null,
    remote: null,
    error: null,
    gates: [],
    log: [],
    notes: [],
    durationSeconds: 0,
    back: null,
    selfApproved: false,
    approvedBy: [],
    hint: null,
    exitCode: EXIT_NO_CHANGES,
  };
  const end = (members: Partial<ApplyResult>): ApplyResult => ({
    ...base,
    ...members,
    durationSeconds: Math.round((world.clock.now() - started) / 1000),
  });

  let facts = await factsWithoutHost(world, open, 'pending');
  let verdicts = evaluate(facts);
  if (
    gatesExit(verdicts) === EXIT_NO_CHANGES &&
    changesAnything(plan) &&
    verdicts.some((one) => one.gate === 'G-4' && one.state === 'not reached') &&
    !options.dryRun
  ) {
    facts = await factsWithoutHost(world, open, await ask.confirm(plan, plan.destructive.length > 0));
    verdicts = evaluate(facts);
  }
  if (open.errors.length > 0) verdicts = asGate(verdicts, open.errors);
  const exit = gatesExit(verdicts);
  if (exit !== EXIT_NO_CHANGES) return refused(end, verdicts, exit, open);
  step(
    'gates',
    'done',
    `${verdicts.filter((one) => one.state === 'pass').length} of ${verdicts.length}; the rest under the lock`,
  );

  const runId = world.clock.uuid();
  step('connect', 'started', plan.host);
  const gone = { started: false };
  let host: Host | null = null;
  const journey = async (): Promise<ApplyResult> => {
    host = await world.connect(hostAddress(open.policy.platform, plan.host));
    const { conversation, exchange } = await converse(host, plan.remote_root, { ms: 30_000, step: 'connect' });
    const inside: Inside = { world, open, host, conversation, exchange, runId, step, end, self: facts.approval.self, verdicts, gone };
    const result = await underLock(inside);
    if (!gone.started && !options.dryRun) await tellHost(inside, result);
    return result;
  };
  const leave = async (): Promise<void> => {
    await host?.close();
  };
  try {
    return await untilGo(world.interrupted, gone, journey());
  } catch (error) {
    if (!(error instanceof Interruption)) throw error;
    return end({
      outcome: 'interrupted',
      message: 'interrupted before anything was changed',
      runId,
      gates: verdicts,
      exitCode: EXIT_INTERRUPTED,
    });
  } finally {
    await leave();
  }
}

class Interruption extends Error {}

/** Ctrl-C before `go` ends at once, for nothing was changed; after it the run on the host is seen through. */
function untilGo<T>(signal: AbortSignal, gone: { readonly started: boolean }, journey: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      if (!gone.started) reject(new Interruption());
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    journey.then(resolve, reject);
  });
}

/** A run that got as far as the host stands in the host's chain, whatever became of it. */
async function tellHost(inside: Inside, result: ApplyResult): Promise<void> {
  const { exchange, open, runId, world } = inside;
  if (result.outcome === 'no_changes') return;
  const line = auditMiddle({
    run_id: runId,
    who: world.who,
    module: open.plan.module,
    event: open.plan.kind,
    outcome: result.outcome,
    digest: open.plan.digest,
  });
  await exchange([message('audit', line)], { ms: 30_000, step: 'record' }).catch(() => null);
}

/** Failures of single modules as those of a gate, so that a refusal shows them with all others. */
function asGate(gates: readonly GateVerdict[], errors: readonly Failure[]): GateVerdict[] {
  const failures = errors.map(({ code, summary, why, hint, exitCode }) => ({
    code,
    check: null,
    why: why === null ? summary : `${summary}: ${why}`,
    hint,
    exitCode,
  }));
  return [...gates.filter((gate) => gate.gate !== 'G-7'), { gate: 'G-7', name: 'compose policy', state: 'fail', failures }];
}

interface Inside {
  readonly world: World;
  readonly open: Case;
  readonly host: Host;
  readonly conversation: Conversation;
  readonly exchange: Exchange;
  readonly runId: string;
  readonly step: (name: StepEvent['step'], state: StepEvent['state'], detail: string) => void;
  readonly end: (members: Partial<ApplyResult>) => ApplyResult;
  readonly self: Parameters<typeof factsUnderLock>[4];
  readonly verdicts: readonly GateVerdict[];
  /** Set when `go` is said: from then on the host needs nobody. */
  readonly gone: { started: boolean };
}

function refused(
  end: Inside['end'],
  gates: readonly GateVerdict[],
  exitCode: ApplyResult['exitCode'],
  open: Case,
): ApplyResult {
  const failures = gates.flatMap((gate) => gate.failures);
  const stale = exitCode === EXIT_STALE;
  return end({
    outcome: stale ? 'stale' : 'refused',
    message: failures[0]?.why ?? 'refused',
    gates,
    exitCode,
    hint: failures.find((failure) => failure.exitCode === exitCode)?.hint ?? `platformctl plan ${open.plan.module}`,
  });
}

/** Steps 3 to 11. */
async function underLock(inside: Inside): Promise<ApplyResult> {
  const { world, open, exchange, conversation, runId, step, end } = inside;
  const { plan, options } = open;
  const names = lockNames(plan.module, plan.project, open.sharedPaths);
  const since = timestamp(world.clock.now());
  if (!options.dryRun) {
    const busy = await takeLocks(
      exchange,
      world.clock,
      names,
      { run_id: runId, who: world.who, since, source_sha: plan.source_sha, ci_url: world.ciUrl },
      options.lockWait,
      (held) => step('lock', 'waiting', held ? `held by ${describe(held.holder)}` : 'held'),
    );
    if (busy) {
      const who = busy.busy
        ? `${busy.busy.name} is ${busy.busy.state === 'held' ? 'held' : 'still held by what a dead run started'}: ${describe(busy.busy.holder)}`
        : 'a lock is held';
      return end({
        outcome: 'busy',
        message: who,
        gates: inside.verdicts,
        exitCode: EXIT_BUSY,
        hint: `wait for it (--lock-wait SECONDS), or look: platformctl lock list --host ${plan.host}`,
      });
    }
    step('lock', 'done', `taken, run ${runId.slice(0, 8)}`);
  }

  const look = await lookAtHost(exchange, plan.host, open.prepared, { ...open.context, holding: true });
  const now = look.looked[0];
  if (!now) {
    const [error] = look.errors;
    if (!error) throw garbled(plan.host);
    const verdicts = asGate(inside.verdicts, look.errors);
    if (error.exitCode !== EXIT_REMOTE_FAILED) return refused(end, verdicts, gatesExit(verdicts), open);
    return end({
      outcome: 'remote_failed',
      message: error.summary,
      error,
      gates: inside.verdicts,
      exitCode: error.exitCode,
      hint: error.hint,
    });
  }
  const facts = await factsUnderLock(world, open, now, inside.host, inside.self);
  const gates = evaluate(facts.gates);
  const exit = gatesExit(gates);
  if (exit !== EXIT_NO_CHANGES) return refused(end, gates, exit, open);
  if (!changesAnything(plan)) {
    if (now.plan.exitCode === 0) return end({ outcome: 'no_changes', message: 'nothing to do', gates });
    const first = now.plan.changes.find((change) => change.action !== 'none');
    return end({
      outcome: 'stale',
      message: `there is something to do by now: ${first?.reasons.join('; ')}`,
      gates,
      exitCode: EXIT_STALE,
      hint: `platformctl plan ${plan.module}`,
    });
  }
  if (plan.delivery === 'verify') {
    const other = plan.files.find(
      (file) => file.source === 'commit' && now.observation.files.get(file.path)?.digest !== file.sha256,
    );
    if (other)
      return end({
        outcome: 'stale',
        message: `${other.path} on ${plan.host} is not the commit's`,
        gates,
        exitCode: EXIT_STALE,
        hint: `bring the checkout there to ${plan.source_sha.slice(0, 7)} first`,
      });
  }
  step('observe', 'done', 'as planned');
  const command = upCommand(plan, now.wanted.dotenv);
  if (options.dryRun) return await dryRun(inside, gates, command, names, facts.approvedBy, facts.selfApproved);
  return await run(inside, now, gates, since, facts);
}

const garbled = (host: string): PlatformError =>
  new PlatformError({ code: 'PCTL-HOST-ANSWER', exit: EXIT_TOOL_ERROR, summary: `${host} could not be observed` });

function describe(holder: string): string {
  try {
    const one = JSON.parse(holder) as Record<string, unknown>;
    return `${String(one.who)} since ${String(one.since)}, run ${String(one.run_id).slice(0, 8)}`;
  } catch {
    return 'somebody';
  }
}

async function dryRun(
  inside: Inside,
  gates: readonly GateVerdict[],
  command: readonly string[] | null,
  names: readonly string[],
  approvedBy: readonly string[],
  selfApproved: boolean,
): Promise<ApplyResult> {
  const { open, end, exchange } = inside;
  const { readHeld } = await import('../execute/observe.js');
  const [answer] = await exchange([message('held')], { ms: 30_000, step: 'lock' });
  const held = answer ? readHeld(answer).find((lock) => names.includes(lock.name)) : undefined;
  await inside.conversation.end({ ms: 10_000, step: 'release' }).catch(() => null);
  if (held)
    return end({
      outcome: 'busy',
      message: `${held.name} is held: ${describe(held.holder)}`,
      gates,
      exitCode: EXIT_BUSY,
    });
  const notes = ['to apply it: PLATFORMCTL_PHASE=05'];
  return end({
    outcome: 'would_apply',
    message: command ? `would run: ${command.map(quote).join(' ')}` : 'would record what runs, and touch nothing',
    gates,
    notes,
    approvedBy,
    selfApproved,
    exitCode: EXIT_CHANGES,
    hint: `PLATFORMCTL_PHASE=05 platformctl apply ${open.plan.module}`,
  });
}

/** Steps 5 to 11. */
async function run(
  inside: Inside,
  now: Looked,
  gates: readonly GateVerdict[],
  since: string,
  facts: Awaited<ReturnType<typeof factsUnderLock>>,
): Promise<ApplyResult> {
  const { world, open, exchange, conversation, runId, step, end } = inside;
  const { plan } = open;
  const started = world.clock.now();
  try {
    await stage(exchange, plan, now.bytes, now.observation.files, now.wanted.dotenv);
    const image = await imageId(exchange, world.clock, plan, (seconds) => {
      step('pull', 'waiting', `${plan.image.reference}, ${seconds} s`);
    });
    if (image.pulledSeconds !== null) step('pull', 'done', `${plan.image.reference}, ${image.pulledSeconds} s`);
    const going = {
      plan,
      run: {
        id: runId,
        who: world.who,
        since,
        approvedBy: facts.approvedBy,
        pr: null,
        imageId: image.id,
        definitionHash: now.observation.hashNow,
      },
      observation: now.observation,
      dotenv: now.wanted.dotenv,
      deadlines: { compose: COMPOSE_SECONDS },
    };
    inside.gone.started = true;
    const answers = await exchange(goMessages(going), { ms: 60_000, step: 'go' });
    const bad = answers.find((answer) => answer.code !== 0);
    if (bad)
      throw new PlatformError({
        code: 'PCTL-GO',
        exit: 7,
        summary: `the run could not be started on ${plan.host}`,
        where: { host: plan.host, step: 'go' },
        why: bad.err,
      });
    step('go', 'done', `the host goes on by itself, run ${runId.slice(0, 8)}`);
    const smoke = plan.smoke.timeout_seconds + plan.smoke.stable_seconds;
    let told = false;
    const ended = await followRun(
      exchange,
      world.clock,
      (2 * COMPOSE_SECONDS + 3 * smoke) * 1000 + SPARE_MS,
      (line) => {
        const event = eventOf(line, plan.module, timestamp(world.clock.now()));
        if (event) step(event.step, event.state, event.detail);
        if (world.interrupted.aborted && !told) {
          told = true;
          step('go', 'waiting', 'interrupted: the host goes on, waiting for its end (once more to leave now)');
        }
      },
    );
    const remoteCommand = (upCommand(plan, now.wanted.dotenv) ?? []).map(quote).join(' ');
    if ('lost' in ended) {
      return end({
        outcome: 'unknown',
        message: `the connection to ${plan.host} was lost after go; the host goes on by itself`,
        runId,
        gates,
        exitCode: EXIT_UNKNOWN,
        approvedBy: facts.approvedBy,
        hint: `platformctl status ${plan.module} tells how run ${runId.slice(0, 8)} ended`,
      });
    }
    const result = await outcome(inside, now, gates, ended, remoteCommand, facts);
    return world.interrupted.aborted
      ? { ...result, exitCode: EXIT_INTERRUPTED, durationSeconds: Math.round((world.clock.now() - started) / 1000) }
      : result;
  } finally {
    await conversation.end({ ms: 10_000, step: 'release' }).catch(() => null);
  }
}

/** What the run was, with what a person needs to know of it. */
async function outcome(
  inside: Inside,
  now: Looked,
  gates: readonly GateVerdict[],
  ended: RunEnd,
  command: string,
  facts: { approvedBy: readonly string[]; selfApproved: boolean },
): Promise<ApplyResult> {
  const { world, open, exchange, runId, end } = inside;
  const { plan } = open;
  const good = ended.outcome === 'applied';
  const names = ['up.out', 'up.err', ...(good ? [] : ['container.log', 'back.err', 'finish.out'])];
  const answers = await exchange(
    [...names.map((name) => message('output', name)), message('get', `state/modules/${plan.module}.status.json`)],
    { ms: 60_000, step: 'record' },
  ).catch(() => null);
  const text = (name: string): string => decode(answers?.[names.indexOf(name)]?.out ?? new Uint8Array());
  const up = ended.journal.findLast((line) => line.step === 'up' && line.state === 'ended');
  const down = ended.journal.find((line) => line.step === 'up')?.at;
  const back = ended.outcome === 'rolled_back';
  const last = ended.journal.at(-1)?.at;
  const previous = now.observation.status?.plan_digest ? now.observation.status : null;
  const raw = answers?.at(-1)?.out;
  const mirror =
    raw && raw.length > 0
      ? await recordHere(world, open.git.root, plan, ended, runId, raw)
      : { path: null, warning: null };
  const notes: string[] = [];
  if (mirror.warning) notes.push(mirror.warning);
  if (back && now.prepared.references.volumes.length > 0)
    notes.push(`volumes were not put back: ${now.prepared.references.volumes.join(', ')}`);
  if (back && plan.files.some((file) => file.source === 'host')) notes.push('host files are never put back');
  return end({
    outcome: ended.outcome,
    message: whyWords(ended.why),
    runId,
    changed: ended.outcome !== 'remote_failed',
    stateArtifact: mirror.path,
    remote:
      command === '' ? null : { command, returncode: up?.exit ?? null, stdout: text('up.out'), stderr: text('up.err') },
    gates,
    log: good
      ? []
      : text('container.log')
          .split('\n')
          .filter((line) => line !== '')
          .slice(-50),
    notes,
    back: back
      ? {
          sha: previous?.last_apply_sha ?? null,
          image: previous?.image?.reference ?? null,
          downSeconds: down !== undefined && last !== undefined ? last - down : null,
        }
      : null,
    approvedBy: facts.approvedBy,
    selfApproved: facts.selfApproved,
    exitCode: ended.exit,
    hint: hintFor(ended, plan, runId),
  });
}

function hintFor(ended: RunEnd, plan: Plan, runId: string): string | null {
  const folder = `${plan.remote_root}/.platform/runs/${runId}`;
  switch (ended.outcome) {
    case 'rolled_back':
      return `the branch still asks for ${plan.source_sha.slice(0, 7)}; revert it or fix it`;
    case 'rollback_failed':
      return `act now, on ${plan.host}: docker ps -a --filter label=com.docker.compose.project=${plan.project}; what was there is in ${folder}/kept, the output in ${folder}`;
    case 'unknown':
      return `platformctl status ${plan.module}; the journal is ${folder}/journal on ${plan.host}`;
    case 'applied_unrecorded':
      return `it runs, but ${plan.host} could not write its record (disk full?): make room, then platformctl plan ${plan.module}`;
    case 'remote_failed':
      return `nothing was changed; the journal is ${folder}/journal on ${plan.host}`;
    default:
      return null;
  }
}
