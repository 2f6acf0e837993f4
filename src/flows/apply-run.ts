/** Steps 5 to 11 of an apply: preflight, `go`, following what the host does, and what became of it. */

import { PlatformError } from '../errors.js';
import { eventOf, followRun, type RunEnd, stepOf } from '../execute/follow.js';
import { deadlinesOf, goMessages, stopGrace, upCommand } from '../execute/go.js';
import { imageId, stage } from '../execute/preflight.js';
import { decode, type Exchange, type Message, message } from '../execute/protocol.js';
import {
  EXIT_APPLIED_UNRECORDED,
  EXIT_INTERRUPTED,
  EXIT_REMOTE_FAILED,
  EXIT_ROLLBACK_FAILED,
  EXIT_UNKNOWN,
  type ExitCode,
} from '../exits.js';
import type { GateVerdict } from '../gate/verdict.js';
import type { Plan, Status } from '../manifest/types.js';
import { tenantsSeen } from '../plan/container-reasons.js';
import { conditionOf } from '../plan/observation.js';
import { quote } from '../quote.js';
import { shortRun } from '../run-id.js';
import { whyWords } from '../verify/words.js';
import type { factsUnderLock } from './apply-facts.js';
import { hintFor } from './apply-hint.js';
import type { Inside } from './apply-inside.js';
import type { Talk } from './apply-line.js';
import type { Looked } from './looks.js';
import { timestamp } from './plan-context.js';
import { mirrorHere } from './record-here.js';
import type { ApplyResult } from './results.js';

const SPARE_MS = 120_000;

/** Ends that ask for a person at once: an interruption does not hide them behind its 130. */
const ACT_NOW: ReadonlySet<ExitCode> = new Set([EXIT_ROLLBACK_FAILED, EXIT_UNKNOWN, EXIT_APPLIED_UNRECORDED]);

/** Steps 5 to 11. */
export async function run(
  inside: Inside,
  now: Looked,
  gates: readonly GateVerdict[],
  since: string,
  facts: Awaited<ReturnType<typeof factsUnderLock>>,
): Promise<ApplyResult> {
  const { world, open, exchange, runId, step } = inside;
  const { plan } = open;
  let talk: Talk = inside;
  try {
    const { user } = now.observation.engine;
    await stage(exchange, plan, now.bytes, now.observation.files, now.dotenv, user);
    const image =
      plan.kind === 'remove'
        ? { id: null, pulledSeconds: null }
        : await imageId(exchange, world.clock, plan, (seconds) => {
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
        policy: { ref: open.policy.ref, sha: open.policy.sha },
      },
      observation: now.observation,
      dotenv: now.dotenv,
      deadlines: deadlinesOf(plan, now.observation.status),
    };
    const said = await sayGo(inside, goMessages(going));
    if (said) step('go', 'done', `the host goes on by itself, run ${shortRun(runId)}`);
    let told = false;
    const ended = await followRun(
      { exchange: said ? exchange : null, runId, module: plan.module, totalMs: longest(plan, now.observation.status) },
      world.clock,
      {
        line: (line) => {
          const event = eventOf(line, plan.module, timestamp(world.clock.now()));
          if (event) step(event.step, event.state, event.detail);
        },
        waiting: (last, seconds) => step(stepOf(last), 'waiting', `${seconds} s`),
        polled: () => {
          if (!world.interrupted.aborted || told) return;
          told = true;
          step('go', 'waiting', 'interrupted: the host goes on, waiting for its end (once more to leave now)');
        },
        lost: async () => {
          step('connect', 'started', `the connection to ${plan.host} was lost, the host goes on; trying again`);
          talk = await inside.again((seconds) => step('connect', 'waiting', `${plan.host}, ${seconds} s`));
          step('connect', 'done', `${plan.host} again`);
          return talk.exchange;
        },
      },
    );
    const remoteCommand = (upCommand(plan, now.dotenv, runId) ?? []).map(quote).join(' ');
    if ('lost' in ended) return lostAfterGo(inside, gates, ended.lost);
    const result = await outcome(inside, talk.exchange, now, gates, ended, remoteCommand, facts);
    return world.interrupted.aborted && !ACT_NOW.has(result.exitCode)
      ? { ...result, exitCode: EXIT_INTERRUPTED }
      : result;
  } finally {
    if (talk !== inside) await talk.conversation.end({ ms: 10_000, step: 'release' }).catch(() => null);
  }
}

/** Everything that a run may take: `up`, `halt` and a restore that is tried twice; each watched, and the engine waited for in between. */
function longest(plan: Plan, before: Status | null): number {
  const smoke = Math.max(
    ...[plan.smoke, before?.smoke].map((one) => (one ? one.timeout_seconds + one.stable_seconds : 0)),
  );
  const { compose, engine } = deadlinesOf(plan, before);
  return (4 * compose + 2 * engine + 5 * smoke + 4 * stopGrace(plan, before)) * 1000 + SPARE_MS;
}

/** From `go` on the host needs nobody: what became of the run is there, and not known here. */
export function lostAfterGo(
  inside: Pick<Inside, 'open' | 'end' | 'runId'>,
  gates: readonly GateVerdict[],
  lost?: PlatformError,
): ApplyResult {
  const { open, end, runId } = inside;
  const why =
    lost?.code === 'PCTL-RUN-LONG'
      ? lost.summary
      : `the connection to ${open.plan.host} was lost after go and did not come back`;
  return end({
    outcome: 'unknown',
    message: `${why}; the host goes on by itself`,
    runId,
    gates,
    exitCode: EXIT_UNKNOWN,
    hint: `platformctl status ${open.plan.module} tells how run ${shortRun(runId)} ended`,
  });
}

/** Everything that the host needs is there before the one word that starts it. false: the line was lost after that word, so the run's journal has to tell. */
async function sayGo(inside: Inside, messages: readonly Message[]): Promise<boolean> {
  const { exchange, gone, open } = inside;
  const failed = (why: string): PlatformError =>
    new PlatformError({
      code: 'PCTL-GO',
      exit: EXIT_REMOTE_FAILED,
      summary: `the run could not be started on ${open.plan.host}`,
      where: { host: open.plan.host, step: 'go' },
      why,
      hint: 'is the disk full there? Nothing was changed',
    });
  const limit = { ms: 60_000, step: 'go' };
  const bad = (await exchange(messages, limit)).find((answer) => answer.code !== 0);
  if (bad) throw failed(bad.err);
  gone.started = true;
  const answers = await exchange([message('go')], limit).catch((error: unknown) => {
    if (error instanceof PlatformError) return null;
    throw error;
  });
  if (answers === null) return false;
  if (answers[0]?.code !== 0) {
    gone.started = false;
    throw failed(answers[0]?.err ?? '');
  }
  return true;
}

/** What the run was, with what a person needs to know of it. */
async function outcome(
  inside: Inside,
  exchange: Exchange,
  now: Looked,
  gates: readonly GateVerdict[],
  ended: RunEnd,
  command: string,
  facts: { approvedBy: readonly string[]; selfApproved: boolean },
): Promise<ApplyResult> {
  const { world, open, runId, end } = inside;
  const { plan } = open;
  const good = ended.outcome === 'applied' || ended.outcome === 'removed';
  const names = ['up.out', 'up.err', ...(good ? [] : ['container.log', 'back.err', 'finish.out'])];
  const answers = await exchange(
    [
      ...names.map((name) => message('tail', `runs/${runId}/${name}`)),
      message('get', `state/modules/${plan.module}.status.json`),
    ],
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
    raw && raw.length > 0 ? await mirrorHere(world, open.git.root, plan, raw) : { path: null, warning: null };
  const notes: string[] = [];
  if (mirror.warning) notes.push(mirror.warning);
  if (back && ended.journal.some(({ step, state }) => step === 'record' && state === 'failed'))
    notes.push(`${plan.host} could not record the roll back; the next command that looks judges what is there`);
  if (ended.journal.some(({ step, state }) => step === 'tag' && state === 'failed'))
    notes.push(`the image of this release has no tag of its own on ${plan.host}: an image prune may take it`);
  if (plan.kind !== 'apply') notes.push(...plan.warnings);
  const condition = conditionOf(now.observation.containers, now.observation.engine.now);
  if (back && !['absent', 'running', 'healthy', 'starting'].includes(condition))
    notes.push(`it was ${condition} before the change, and counts as back when it is as it was found`);
  if (back && now.volumes.length > 0) notes.push(`volumes were not put back: ${now.volumes.join(', ')}`);
  if (back && plan.files.some((file) => file.source === 'host')) notes.push('host files are never put back');
  // Plans of the same call give others the new namespaces (G-8); after a roll back they were not reached.
  const beside = back ? [] : open.beside.filter((other) => other.recreates).map((other) => other.service);
  const living = tenantsSeen(now.observation).map((container) => container.service ?? container.name);
  const left = living.filter((service) => !beside.includes(service));
  if (up && plan.recreates && left.length > 0)
    notes.push(`what lived in its namespaces lost them, and wants a new plan: ${left.join(', ')}`);
  return end({
    // The exit alone, where the journal could not be written, tells an apply and a removal alike.
    outcome: plan.kind === 'remove' && ended.outcome === 'applied' ? 'removed' : ended.outcome,
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
