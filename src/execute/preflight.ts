/** Step 5: everything that can be known to fail is found before `go`; nothing outside of the run's folder is touched. */

import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Plan } from '../manifest/types.js';
import type { FileSeen } from '../plan/observation.js';
import type { Clock, Limit } from '../ports.js';
import { quote } from '../quote.js';
import { composeSaid } from './compose-said.js';
import { type Swap, swaps } from './go.js';
import { type Answer, decode, type Exchange, type Message, message, put } from './protocol.js';

const STEP: Limit = { ms: 120_000, step: 'stage' };
/** Seconds for a pull. */
const PULL_SECONDS = 900;
const PULL_POLL_MS = 2_000;
const RUNNING = 98;

function failed(plan: Plan, step: string, code: string, summary: string, why: string, hint: string): PlatformError {
  return new PlatformError({ code, exit: EXIT_REMOTE_FAILED, summary, where: { host: plan.host, step }, why, hint });
}

/**
 * Stages the files in the run's folder and asks compose whether it takes them there; checks that every file may be replaced.
 * @throws PlatformError (7), nothing was changed
 */
export async function stage(
  exchange: Exchange,
  plan: Plan,
  bytes: ReadonlyMap<string, Uint8Array>,
  seen: ReadonlyMap<string, FileSeen>,
  dotenv: 'commit' | 'host' | 'none',
  user: string,
): Promise<void> {
  const messages: Message[] = [];
  for (const file of plan.files) {
    if (file.source === 'host') messages.push(message('stagelink', file.path));
    else {
      messages.push(...put(`stage/tree/${file.path}`, bytes.get(file.path) ?? new Uint8Array()));
      messages.push(message('mode', `stage/tree/${file.path}`, (file.mode ?? '0644').slice(1)));
    }
  }
  const list = swaps(plan, seen);
  const checkAt = messages.length;
  messages.push(
    plan.kind === 'remove'
      ? message('held')
      : message('check', plan.compose_file, plan.project, dotenv === 'none' ? 'none' : 'real'),
  );
  for (const [index, swap] of list.entries()) {
    messages.push(message('replaceable', String(index + 1), swap.path, swap.mode === '-' ? '644' : swap.mode));
  }
  const answers = await exchange(messages, STEP);
  answers.forEach((answer, index) => {
    if (answer.code === 0) return;
    if (index < checkAt)
      throw failed(
        plan,
        'stage',
        'PCTL-STAGE-FAILED',
        `files could not be staged on ${plan.host}`,
        answer.err,
        'is the disk full there?',
      );
    if (index === checkAt) {
      throw failed(
        plan,
        'stage',
        'PCTL-COMPOSE-CONFIG',
        'docker compose does not take the files of this plan',
        composeSaid(answer.err),
        'mend the compose file; nothing was changed',
      );
    }
    const [, elsewhere] = /^filesystem (.+)/.exec(decode(answer.out)) ?? [];
    if (elsewhere !== undefined)
      throw failed(
        plan,
        'stage',
        'PCTL-STAGE-FILESYSTEM',
        `${elsewhere} is on another file system than ${plan.remote_root}/.platform`,
        'an atomic swap needs both on one',
        'move remote_root, or mount them together',
      );
  });
  const foreign = answers.slice(checkAt + 1).filter((answer) => answer.code !== 0);
  if (foreign.length > 0) throw notOurs(plan, user, foreign, list);
}

/** Folders and files that are somebody else's, all at once: each chown makes a plan stale. */
function notOurs(plan: Plan, user: string, answers: readonly Answer[], list: readonly Swap[]): PlatformError {
  const told = answers.flatMap((answer) =>
    [...decode(answer.out).matchAll(/^(?:folder|file) (.+)$/gm)].map((match) => match[1] as string),
  );
  const paths = told.length > 0 ? [...new Set(told)] : list.map((swap) => `${plan.remote_root}/${swap.path}`);
  return failed(
    plan,
    'stage',
    'PCTL-STAGE-OWNER',
    `${paths.join(', ')} cannot be replaced by ${user}`,
    answers.map((answer) => answer.err).join(''),
    `as root there: chown ${quote(user)}: ${paths.map(quote).join(' ')}   then plan again, for the plan saw another owner`,
  );
}

/**
 * The image's id on the host; pulls a reference that is absent there, with the agent user's own login.
 * @throws PlatformError PCTL-PULL (7)
 */
export async function imageId(
  exchange: Exchange,
  clock: Clock,
  plan: Plan,
  waiting: (seconds: number) => void,
): Promise<{ id: string; pulledSeconds: number | null }> {
  const ask = async (): Promise<string | null> => {
    const [answer] = await exchange([message('images', plan.image.reference)], STEP);
    const id = decode(answer?.out ?? new Uint8Array()).trim();
    return /^sha256:[0-9a-f]{64}$/.test(id) ? id : null;
  };
  if (plan.image.id !== null) return { id: plan.image.id, pulledSeconds: null };
  const there = await ask();
  if (there !== null) return { id: there, pulledSeconds: null };
  const started = clock.now();
  await exchange([message('pull', plan.image.reference, String(PULL_SECONDS))], STEP);
  for (;;) {
    const [answer] = await exchange([message('pulled')], STEP);
    if (answer && answer.code !== RUNNING) {
      if (answer.code !== 0) {
        throw failed(
          plan,
          'pull',
          'PCTL-PULL',
          `${plan.image.reference} could not be pulled on ${plan.host}`,
          decode(answer.out).trim(),
          'does the tag exist, and is the agent user logged in to its registry? Nothing was changed; this plan can be applied again',
        );
      }
      const id = await ask();
      if (id !== null) return { id, pulledSeconds: Math.round((clock.now() - started) / 1000) };
      throw failed(
        plan,
        'pull',
        'PCTL-PULL',
        `${plan.image.reference} is not there after its pull`,
        '',
        'look on the host: docker images',
      );
    }
    const seconds = Math.round((clock.now() - started) / 1000);
    if (seconds > PULL_SECONDS + 60) {
      throw failed(
        plan,
        'pull',
        'PCTL-PULL',
        `the pull of ${plan.image.reference} does not end on ${plan.host}`,
        '',
        'look on the host: docker images, df -h',
      );
    }
    waiting(seconds);
    await clock.sleep(PULL_POLL_MS);
  }
}
