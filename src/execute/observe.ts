import { folderOf } from '../manifest/paths.js';
import type { Container, Engine, FileSeen } from '../plan/observation.js';
import type { Limit } from '../ports.js';
import {
  failure,
  type HeldLock,
  lines,
  readContainers,
  readEngine,
  readFiles,
  readHashes,
  readHeld,
  readJson,
  readStatuses,
  spoken,
  told,
} from './answers.js';
import { type Answer, decode, type Exchange, inLanes, type Message, message, put } from './protocol.js';

/** One compose file as one project under one set of variables; its hashes are asked for once. */
export interface ComposeGroup {
  readonly key: string;
  readonly project: string;
  /** The compose file's folder beneath remote_root, '.' for the root. */
  readonly folder: string;
  readonly env: 'none' | 'real' | { readonly bytes: Uint8Array };
  readonly file: Uint8Array;
  /** null: nothing to resolve (no service passed the text rules). */
  readonly skeleton: string | null;
}

export interface FirstRound {
  readonly engine: Engine;
  /** Raw status documents of every module that the host has one of. */
  readonly statuses: ReadonlyMap<string, Uint8Array>;
  readonly containers: readonly Container[];
  readonly hashes: ReadonlyMap<string, ReadonlyMap<string, string> | { readonly why: string }>;
  readonly skeletons: ReadonlyMap<string, unknown | { readonly why: string }>;
  /** Module locks that are held. */
  readonly held: readonly HeldLock[];
}

const envArgument = (group: ComposeGroup, index: number): string =>
  typeof group.env === 'string' ? group.env : `env.${index}`;

/** One round trip (no groups: every container that compose made): what the host is, statuses, containers of the projects, and what its compose makes of the commit's files. */
export async function firstRound(
  exchange: Exchange,
  host: string,
  groups: readonly ComposeGroup[],
  limit: Limit,
): Promise<FirstRound> {
  const messages: Message[] = [
    message('hello'),
    message('allstatus'),
    message('held'),
    message('containers', ...(groups.length === 0 ? ['*'] : new Set(groups.map((group) => group.project)))),
  ];
  const head = messages.length;
  const at: { hash: number; resolve: number | null }[] = [];
  const jobs = [0];
  groups.forEach((group, index) => {
    jobs.push(messages.length);
    messages.push(...put(`compose.${index}`, group.file));
    if (typeof group.env === 'object') messages.push(...put(`env.${index}`, group.env.bytes));
    const place = { hash: messages.length, resolve: null as number | null };
    messages.push(message('hash', group.folder, group.project, envArgument(group, index), `compose.${index}`));
    if (group.skeleton !== null) {
      messages.push(...put(`skeleton.${index}`, new TextEncoder().encode(group.skeleton)));
      place.resolve = messages.length;
      messages.push(message('resolve', group.folder, group.project, envArgument(group, index), `skeleton.${index}`));
    }
    at.push(place);
  });
  const answers = await inLanes(exchange, messages, jobs, limit);
  const answer = (index: number): Answer => answers[index] as Answer;
  const engine = readEngine(answer(0), host);
  const hashes = new Map<string, ReadonlyMap<string, string> | { why: string }>();
  const skeletons = new Map<string, unknown | { why: string }>();
  groups.forEach((group, index) => {
    const place = at[index] as { hash: number; resolve: number | null };
    hashes.set(group.key, readHashes(spoken(answer(place.hash), host)));
    if (place.resolve !== null) skeletons.set(group.key, readJson(spoken(answer(place.resolve), host)));
  });
  return {
    engine,
    statuses: readStatuses(answer(1), host),
    held: readHeld(answer(2), host),
    containers: readContainers(answer(head - 1), host),
    hashes,
    skeletons,
  };
}

/** What the second round asks about one module, once the first told what its values are. */
export interface Questions {
  readonly group: ComposeGroup;
  readonly files: readonly string[];
  readonly hostFiles: readonly string[];
  readonly image: string;
  /** The digest whose release is compared with, null where there is nothing to compare. */
  readonly release: { readonly module: string; readonly digest: string; readonly composeFile: string } | null;
  /** The plan that was applied last, where what it resolved is compared with (G-8). */
  readonly lastPlan: { readonly module: string; readonly digest: string } | null;
  /** The service, where P-13 has to be decided. */
  readonly labelOf: string | null;
  /** Absolute paths outside of remote_root to follow. */
  readonly binds: readonly string[];
  readonly containerName: string | null;
  /** The `.env` that lives on the host only. */
  readonly dotenv: string | null;
  /** B-2: the release that the plan goes back to, null for every other plan. */
  readonly kept: KeptQuestion | null;
}

export interface KeptQuestion {
  readonly module: string;
  readonly digest: string;
  /** Of what runs; null where nothing was applied. */
  readonly current: string | null;
  /** Files of the commit, which the release has to have as well. */
  readonly files: readonly string[];
  readonly imageId: string | null;
}

export interface Answers {
  readonly files: ReadonlyMap<string, FileSeen>;
  readonly imageId: string | null;
  readonly release: {
    readonly compose: Uint8Array;
    readonly hashes: ReadonlyMap<string, string> | { readonly why: string };
  } | null;
  /** plan.json of the last apply; empty where it is not there, or was not asked for. */
  readonly lastPlan: Uint8Array;
  readonly labelHash: string | null;
  readonly binds: ReadonlyMap<string, { readonly kind: string; readonly path: string }>;
  /** `project/service` of a container that has the name already. */
  readonly named: string | null;
  /** `COMPOSE_*` and `DOCKER_*` names in the host's `.env`. */
  readonly steering: readonly string[];
  readonly kept: KeptAnswer | null;
}

export interface KeptAnswer {
  /** plan.json of the release, and of the one that runs; empty where it is not there. */
  readonly plan: Uint8Array;
  readonly current: Uint8Array;
  /** By path beneath remote_root, as the release keeps them. */
  readonly files: ReadonlyMap<string, FileSeen>;
  readonly hasImage: boolean;
}

const keptPath = (module: string, digest: string, file: string): string => `releases/${module}/${digest}/${file}`;

export async function secondRound(
  exchange: Exchange,
  host: string,
  questions: readonly Questions[],
  limit: Limit,
): Promise<Answers[]> {
  const messages: Message[] = [];
  const ask = (one: Message): number => messages.push(one) - 1;
  const jobs: number[] = [];
  const places = questions.map((question, index) => {
    jobs.push(messages.length);
    const { group, release, lastPlan } = question;
    let env: string = typeof group.env === 'string' ? group.env : `env.${index}`;
    if (typeof group.env === 'object') messages.push(...put(env, group.env.bytes));
    else env = group.env;
    let label: number | null = null;
    if (question.labelOf !== null) {
      messages.push(...put(`compose.${index}`, group.file));
      label = ask(message('labelhash', group.folder, group.project, env, `compose.${index}`, question.labelOf));
    }
    const kept = release ? keptPath(release.module, release.digest, `tree/${release.composeFile}`) : '';
    return {
      files: ask(message('files', ...question.files)),
      keyed: ask(message('keyed', ...question.hostFiles)),
      image: ask(message('images', question.image)),
      real: ask(message('real', ...question.binds)),
      named: question.containerName === null ? null : ask(message('named', question.containerName)),
      steering: question.dotenv === null ? null : ask(message('steering', question.dotenv)),
      compose: release ? ask(message('get', kept)) : null,
      hash: release
        ? ask(message('hash', folderOf(release.composeFile) || '.', group.project, env, `ours/${kept}`))
        : null,
      lastPlan: lastPlan ? ask(message('get', keptPath(lastPlan.module, lastPlan.digest, 'plan.json'))) : null,
      label,
      kept: question.kept === null ? null : askKept(question.kept, ask),
    };
  });
  const answers = await inLanes(exchange, messages, jobs, limit);
  const answer = (index: number): Answer => answers[index] as Answer;
  return places.map((place, index) => {
    const question = questions[index] as Questions;
    const label = place.label === null ? null : readHashes(answer(place.label));
    const real = lines(told(answer(place.real), host, 'where mounts lead'));
    if (real.length !== question.binds.length)
      throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not tell where every mount leads`, '');
    return {
      files: new Map([
        ...readFiles(answer(place.files), question.files, host),
        ...readFiles(answer(place.keyed), question.hostFiles, host),
      ]),
      imageId: readImage(told(answer(place.image), host, 'its images')),
      lastPlan: place.lastPlan === null ? new Uint8Array() : answer(place.lastPlan).out,
      release:
        place.compose !== null && place.hash !== null && answer(place.compose).out.length > 0
          ? { compose: answer(place.compose).out, hashes: readHashes(answer(place.hash)) }
          : null,
      labelHash: label instanceof Map && question.labelOf !== null ? (label.get(question.labelOf) ?? null) : null,
      binds: new Map(
        question.binds.map((path, at) => {
          const line = real[at] ?? 'absent ';
          const space = line.indexOf(' ');
          return [path, { kind: line.slice(0, space), path: line.slice(space + 1) }];
        }),
      ),
      named:
        place.named === null
          ? null
          : (lines(told(answer(place.named), host, 'who has a container name')).find((line) => line !== '.') ?? null),
      steering: place.steering === null ? [] : lines(told(answer(place.steering), host, 'the names in .env')),
      kept:
        place.kept === null || question.kept === null
          ? null
          : {
              plan: answer(place.kept.plan).out,
              current: place.kept.current === null ? new Uint8Array() : answer(place.kept.current).out,
              files: readFiles(answer(place.kept.files), question.kept.files, host),
              hasImage: place.kept.image !== null && readImage(answer(place.kept.image)) === question.kept.imageId,
            },
    };
  });
}

function askKept({ module, digest, current, files, imageId }: KeptQuestion, ask: (one: Message) => number) {
  const tree = files.map((path) => `.platform/${keptPath(module, digest, `tree/${path}`)}`);
  return {
    plan: ask(message('get', keptPath(module, digest, 'plan.json'))),
    current: current === null ? null : ask(message('get', keptPath(module, current, 'plan.json'))),
    files: ask(message('files', ...tree)),
    image: imageId === null ? null : ask(message('images', imageId)),
  };
}

function readImage(answer: Answer): string | null {
  const id = decode(answer.out).trim();
  return /^sha256:[0-9a-f]{64}$/.test(id) ? id : null;
}
