/** What `go` carries: everything that the host does afterwards, rendered beforehand, as files of the run's folder. Pure. */
import { upArgv } from '../compose/argv.js';
import { finishProgram } from '../host/programs.js';
import type { Plan, Status } from '../manifest/types.js';
import { planBytes } from '../plan/artifact.js';
import type { PlannedFile } from '../plan/files.js';
import type { FileSeen, Observation } from '../plan/observation.js';
import { auditEntry, auditMiddle } from '../state/audit.js';
import { type Heads, type Run, releasesToDrop, statusHeads } from '../state/status.js';
import { type Back, backCommand, backOf } from './back.js';
import { type Message, put } from './protocol.js';

/** Seconds. */
export interface Deadlines {
  readonly compose: number;
  /** How long an engine that went away is waited for, up to twice, before what was there is put back. */
  readonly engine: number;
}

export interface Going {
  readonly plan: Plan;
  readonly run: Run;
  readonly observation: Observation;
  readonly dotenv: 'commit' | 'host' | 'none';
  readonly deadlines: Deadlines;
}

/** One file that is swapped in or taken away, in this order; kept and new ones are named by its number, from 1. */
export interface Swap {
  readonly op: 'put' | 'remove';
  /** Octal, without a leading zero, as chmod and stat have it. */
  readonly mode: string;
  readonly path: string;
}

const statMode = (mode: string | null): string => (mode ?? '0644').replace(/^0/, '');

function stands(file: PlannedFile, seen: FileSeen | undefined): boolean {
  return seen?.kind === 'file' && seen.digest === file.sha256 && seen.mode === (file.mode ?? '').padStart(4, '0');
}

/** The files of a plan that are not yet as they should be: what is fresh already is not touched again (G-9). */
export function swaps(plan: Plan, files: ReadonlyMap<string, FileSeen>): Swap[] {
  const list: Swap[] = [];
  for (const change of plan.changes) {
    if (!change.target.startsWith('file.') || change.action === 'none') continue;
    const path = change.target.slice('file.'.length);
    const file = plan.files.find((one) => one.path === path);
    if (change.action === 'remove') list.push({ op: 'remove', mode: '-', path });
    else if (file && !stands(file, files.get(path))) list.push({ op: 'put', mode: statMode(file.mode), path });
  }
  return list;
}

/** B-2: the plan's image is not what its reference means on the host now, so it is named by its id. */
const namesImage = (plan: Plan): boolean =>
  plan.kind === 'rollback' && plan.image.id !== null && plan.image.id !== plan.observed?.identity.image_id;

const inRun = (plan: Plan, runId: string, file: string): string =>
  `${plan.remote_root}/.platform/runs/${runId}/go/${file}`;

/** The command of step 8, as an argument array; null where nothing is started (adoption, removal). */
export function upCommand(plan: Plan, dotenv: Going['dotenv'], runId: string): string[] | null {
  const service = plan.changes.find((change) => change.target === `compose.service.${plan.service}`);
  if (plan.kind === 'remove' || !service || service.action === 'adopt' || service.action === 'none') return null;
  return upArgv({
    remoteRoot: plan.remote_root,
    composeFile: plan.compose_file,
    project: plan.project,
    service: plan.service,
    envFile: dotenv === 'none' ? 'none' : 'real',
    ...(namesImage(plan) ? { override: inRun(plan, runId, 'image.json') } : {}),
    forceRecreate: plan.force_recreate,
  });
}

/** X-8; a compose that lets a container take the grace of its stop does not hang. */
export const deadlinesOf = (plan: Plan, before: Status | null): Deadlines => ({
  compose: Math.max(300, stopGrace(plan, before) + 120),
  engine: 120,
});

/** Seconds that the engine may take to stop a container, the one of before or the new one. */
export const stopGrace = (plan: Plan, before: Status | null): number =>
  Math.max(plan.smoke.stop_grace_seconds, before?.smoke?.stop_grace_seconds ?? 0);

/** The tag that keeps an image from being pruned. */
const keptTag = (digest: string): string => `platformctl-kept:${digest}`;

function settings(going: Going, back: Back): string {
  const { plan, run, observation, deadlines } = going;
  const before = observation.containers;
  const [old] = before.length === 1 ? before : [];
  const then = observation.status?.plan_digest ? observation.status.smoke : undefined;
  const backSmoke = then ?? { ...plan.smoke, http: null, exits: plan.smoke.exits };
  const service = plan.changes.find((change) => change.target.startsWith('compose.service.'));
  const fresh = plan.force_recreate && before.length > 0;
  const pairs: readonly (readonly [string, string | number])[] = [
    ['module', plan.module],
    ['project', plan.project],
    ['service', plan.service],
    ['compose_seconds', deadlines.compose],
    ['engine_seconds', deadlines.engine],
    ['timeout', plan.smoke.timeout_seconds],
    ['stable', plan.smoke.stable_seconds],
    ['exits', plan.smoke.exits ?? ''],
    ['http', plan.smoke.http?.url ?? ''],
    ['http_status', plan.smoke.http?.status ?? ''],
    ['image', run.imageId ?? ''],
    ['before', before.map((container) => container.id).join(' ')],
    [
      'leftover',
      before
        .filter((container) => container.state === 'created')
        .map((container) => container.id)
        .join(' '),
    ],
    ['fresh', fresh ? 1 : 0],
    ['adopt', service?.action === 'adopt' ? 1 : 0],
    ['remove', plan.kind === 'remove' ? 1 : 0],
    ['release', plan.digest],
    ['back', back],
    ['back_image', old?.image ?? before[0]?.image ?? ''],
    ['back_started', old?.startedAt ?? ''],
    ['back_timeout', backSmoke.timeout_seconds],
    ['back_stable', backSmoke.stable_seconds],
    ['back_exits', backSmoke.exits ?? ''],
    ['back_http', backSmoke.http?.url ?? ''],
    ['back_http_status', backSmoke.http?.status ?? ''],
    ['stop_grace', stopGrace(plan, observation.status)],
    ['whole', 1],
  ];
  return pairs.map(([key, value]) => `${key}=${value}\n`).join('');
}

const OUTCOMES = [
  'applying',
  'applied',
  'rolled_back',
  'rollback_failed',
  'not_adopted',
  'removed',
  'unknown',
] as const;

const lines = (words: readonly string[]): string => words.map((word) => `${word}\n`).join('');

/** The messages that bring all of it; `go` is said once every one was answered well. */
export function goMessages(going: Going): Message[] {
  const { plan, run, observation } = going;
  const before: Status | null = observation.status;
  const heads: Heads = statusHeads(before, plan, run);
  const back = backOf(plan, observation);
  const [old] = observation.containers;
  const up = upCommand(plan, going.dotenv, run.id);
  const image = (id: string): string => `${JSON.stringify({ services: { [plan.service]: { image: id } } })}\n`;
  const expect = plan.files.map((file) =>
    file.source === 'host'
      ? `keyed ${file.keyed} - ${file.path}`
      : `plain ${file.sha256} ${plan.delivery === 'push' ? statMode(file.mode) : '-'} ${file.path}`,
  );
  const files: Record<string, string> = {
    settings: settings(going, back),
    swap: lines(swaps(plan, observation.files).map(({ op, mode, path }) => `${op} ${mode} ${path}`)),
    folders: lines(plan.delivery === 'push' && up ? plan.folders : []),
    up: lines(up ?? []),
    back: lines(
      back === 'nothing' || back === 'cannot'
        ? []
        : backCommand(plan, observation, inRun(plan, run.id, 'override.json'), back),
    ),
    'override.json': image(old?.image ?? ''),
    'image.json': image(run.imageId ?? ''),
    expect: lines(expect),
    tag: `${keptTag(plan.digest)}\n`,
    prune: lines(releasesToDrop(before, plan, run.imageId).map((digest) => `${digest} ${keptTag(digest)}`)),
    'plan.json': new TextDecoder().decode(planBytes(plan)),
  };
  for (const outcome of OUTCOMES) {
    files[`status.${outcome}`] = heads[outcome];
    const said = outcome === 'not_adopted' ? 'remote_failed' : outcome;
    files[`audit.${outcome}`] = auditMiddle(auditEntry(plan, run, said));
  }
  const encoder = new TextEncoder();
  return [
    ...put('finish.sh', encoder.encode(finishProgram)),
    ...Object.entries(files).flatMap(([name, text]) => put(`go/${name}`, encoder.encode(text))),
  ];
}
