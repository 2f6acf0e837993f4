/** What `drift` asks a host (P-11): two rounds however many modules, the second only about definitions that may differ. */
import type { FileSeen } from '../plan/observation.js';
import type { Limit } from '../ports.js';
import { readFiles, readHashes } from './answers.js';
import { type Answer, type Exchange, type Message, message } from './protocol.js';

export interface AppliedQuestion {
  readonly module: string;
  readonly digest: string;
  readonly files: readonly string[];
  readonly hostFiles: readonly string[];
}

export interface AppliedAnswer {
  readonly files: ReadonlyMap<string, FileSeen>;
  /** plan.json of the release; empty where it is not there. */
  readonly plan: Uint8Array;
}

/** Asks for all modules in one round trip. */
async function roundTrip<Q, A>(
  exchange: Exchange,
  questions: readonly Q[],
  limit: Limit,
  ask: (question: Q) => readonly Message[],
  read: (question: Q, answers: readonly Answer[]) => A,
): Promise<A[]> {
  if (questions.length === 0) return [];
  const asked = questions.map(ask);
  const answers = await exchange(asked.flat(), limit);
  let at = 0;
  return questions.map((question, index) => {
    const from = at;
    at += asked[index]?.length ?? 0;
    return read(question, answers.slice(from, at));
  });
}

const kept = ({ module, digest }: { module: string; digest: string }, file: string): string =>
  `releases/${module}/${digest}/${file}`;

export function appliedRound(
  exchange: Exchange,
  host: string,
  questions: readonly AppliedQuestion[],
  limit: Limit,
): Promise<AppliedAnswer[]> {
  return roundTrip(
    exchange,
    questions,
    limit,
    (one) => [
      message('files', ...one.files),
      message('keyed', ...one.hostFiles),
      message('get', kept(one, 'plan.json')),
    ],
    (one, [files, keyed, plan]) => ({
      files: new Map([
        ...readFiles(files as Answer, one.files, host),
        ...readFiles(keyed as Answer, one.hostFiles, host),
      ]),
      plan: (plan as Answer).out,
    }),
  );
}

export interface DefinitionQuestion {
  readonly module: string;
  readonly digest: string;
  readonly project: string;
  readonly service: string;
  /** Beneath remote_root. */
  readonly composeFile: string;
  readonly folder: string;
  readonly env: 'real' | 'none';
}

export interface DefinitionAnswer {
  /** The compose file of the release, and the one that lies on the host; empty where there is none. */
  readonly applied: Uint8Array;
  readonly deployed: Uint8Array;
  readonly appliedHash: string | null;
  readonly deployedHash: string | null;
}

export function definitionRound(
  exchange: Exchange,
  questions: readonly DefinitionQuestion[],
  limit: Limit,
): Promise<DefinitionAnswer[]> {
  return roundTrip(
    exchange,
    questions,
    limit,
    (one) => [
      message('get', kept(one, `tree/${one.composeFile}`)),
      message('deployed', one.composeFile),
      message('hash', one.folder, one.project, one.env, `ours/${kept(one, `tree/${one.composeFile}`)}`),
      message('hash', one.folder, one.project, one.env, `there/${one.composeFile}`),
    ],
    ({ service }, [applied, deployed, appliedHash, deployedHash]) => ({
      applied: (applied as Answer).out,
      deployed: (deployed as Answer).out,
      appliedHash: hashOf(appliedHash as Answer, service),
      deployedHash: hashOf(deployedHash as Answer, service),
    }),
  );
}

function hashOf(answer: Answer, service: string): string | null {
  const hashes = readHashes(answer);
  return hashes instanceof Map ? (hashes.get(service) ?? null) : null;
}
