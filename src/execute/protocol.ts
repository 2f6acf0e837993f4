/** The words of talk.sh as values: messages out, answers in. The only place that knows their form. */
import { PlatformError } from '../errors.js';
import { EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED } from '../exits.js';
import type { Conversation, Limit } from '../ports.js';
import { afterCut } from '../secret/controls.js';

export interface Message {
  readonly verb: string;
  readonly args: readonly string[];
  readonly payload?: Uint8Array;
}

export interface Answer {
  /** 0: done. */
  readonly code: number;
  readonly out: Uint8Array;
  /** The end of stderr, from outside: it is shown only through the redactor. */
  readonly err: string;
}

/** The greeting that talk.sh begins with. */
const GREETING = 'platformctl 1';
/** Larger payloads travel in pieces: each is a word that keeps the conversation alive (X-5). */
const PIECE = 256 * 1024;
/** What a connection may hold at all, see adapters/duplex.ts: no answer can be larger. */
const MAX_ANSWER = 24 * 1024 * 1024;

/** Bytes of stderr that talk.sh tells, and of an output that these words do: the end of it. */
const ERR_END = 8 * 1024;
const OUT_ENDS: Readonly<Record<string, number>> = { tail: 64 * 1024, pulled: 4 * 1024 };

const encoder = new TextEncoder();
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export function message(verb: string, ...args: string[]): Message {
  return { verb, args };
}

/** The messages that bring a file into the conversation's folder under `name`. */
export function put(name: string, bytes: Uint8Array): Message[] {
  const messages: Message[] = [{ verb: 'put', args: [name], payload: bytes.subarray(0, PIECE) }];
  for (let at = PIECE; at < bytes.length; at += PIECE)
    messages.push({ verb: 'add', args: [name], payload: bytes.subarray(at, at + PIECE) });
  return messages;
}

/** @throws PlatformError PCTL-HOST-VALUE (4): a line break or NUL in an argument */
export function encode(messages: readonly Message[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { verb, args, payload } of messages) {
    for (const arg of args) {
      if (/[\0\n\r]/.test(arg)) {
        throw new PlatformError({
          code: 'PCTL-HOST-VALUE',
          exit: EXIT_POLICY_VIOLATION,
          summary: 'a value for the host holds a line break or NUL',
          why: JSON.stringify(arg),
        });
      }
    }
    // `put` of nothing makes an empty file: the frame is sent as one with no bytes, and talk.sh reads none.
    parts.push(
      encoder.encode(
        `${[verb, args.length, payload?.length ?? 0].join(' ')}\n${args.map((arg) => `=${arg}\n`).join('')}`,
      ),
    );
    if (payload) parts.push(payload);
  }
  return Buffer.concat(parts);
}

/** What the host says before it answers anything: refusals of its folder. */
function startFailure(line: string, host: string, root: string): PlatformError {
  const code = Number(line.split(' ')[0]);
  if (code === 24) {
    return new PlatformError({
      code: 'PCTL-GATE-SACRED',
      exit: EXIT_POLICY_VIOLATION,
      summary: `${root} leads to a sacred path on ${host}`,
      where: { host, step: 'observe' },
      hint: 'choose a remote_root outside of the system',
    });
  }
  if (code === 20) {
    return new PlatformError({
      code: 'PCTL-HOST-ROOT',
      exit: EXIT_REMOTE_FAILED,
      summary: `${root} cannot be written on ${host}`,
      where: { host, step: 'observe' },
      hint: `as root there: install -d -o platform-host-agent ${root}   (platformctl host check ${host} shows more)`,
    });
  }
  return garbled(host, line);
}

function garbled(host: string, line: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-ANSWER',
    exit: EXIT_REMOTE_FAILED,
    summary: `${host} answered something else than platformctl's program`,
    where: { host, step: 'observe' },
    why: JSON.stringify(line.slice(0, 200)),
    hint: 'does the login shell of the agent user print something at the start, or refuse commands?',
  });
}

/** Reads answers from anything that gives lines and bytes. */
export interface Source {
  line(limit: Limit): Promise<string>;
  bytes(n: number, limit: Limit): Promise<Uint8Array>;
}

export async function greet(source: Source, host: string, root: string, limit: Limit): Promise<void> {
  const line = await source.line(limit);
  if (line !== GREETING) throw startFailure(line, host, root);
}

/** What was sent, or what the host must write to go on, found no room there: the program ended. */
const NO_ROOM = 28;

export async function readAnswer(source: Source, host: string, limit: Limit): Promise<Answer> {
  const line = await source.line(limit);
  const match = /^([0-9]{1,3}) ([0-9]{1,9}) ([0-9]{1,9})$/.exec(line);
  if (!match) throw garbled(host, line);
  const [code, out, err] = match.slice(1).map(Number) as [number, number, number];
  if (code === NO_ROOM) {
    throw new PlatformError({
      code: 'PCTL-HOST-ROOM',
      exit: EXIT_REMOTE_FAILED,
      summary: `${host} could not store what it was sent`,
      where: { host, step: limit.step },
      why: 'writing beneath .platform in its remote_root failed',
      hint: 'is the disk full there, or mounted read-only? Make room and try again: nothing was changed',
    });
  }
  if (out > MAX_ANSWER || err > MAX_ANSWER) throw garbled(host, line);
  const told = await source.bytes(out, limit);
  const complained = await source.bytes(err, limit);
  return { code, out: told, err: decode(complained.length >= ERR_END ? afterCut(complained) : complained) };
}

/** Says many messages at once and hears all the answers: one round trip. */
export interface Exchange {
  (messages: readonly Message[], limit: Limit): Promise<readonly Answer[]>;
  /** How many may be under way at once, each in a program of its own on the host; absent: one. */
  readonly lanes?: number;
}

/**
 * Messages as jobs that know nothing of each other, over all lanes at once: still one round trip, and the host works on them in parallel (P-5).
 * `starts`: where each job begins in `messages`. Answers are in the order of `messages`.
 */
export async function inLanes(
  exchange: Exchange,
  messages: readonly Message[],
  starts: readonly number[],
  limit: Limit,
): Promise<readonly Answer[]> {
  const lanes = Array.from({ length: Math.min(exchange.lanes ?? 1, starts.length) }, (): number[] => []);
  starts.forEach((start, job) => {
    const end = starts[job + 1] ?? messages.length;
    for (let at = start; at < end; at += 1) lanes[job % lanes.length]?.push(at);
  });
  const answers: Answer[] = [];
  await Promise.all(
    lanes.map(async (lane) => {
      const heard = await exchange(
        lane.map((at) => messages[at] as Message),
        limit,
      );
      lane.forEach((at, index) => {
        answers[at] = heard[index] as Answer;
      });
    }),
  );
  return answers;
}

export function overTalk(conversation: Conversation, host: string): Exchange {
  return async (messages, limit) => {
    await conversation.say(encode(messages));
    const answers: Answer[] = [];
    for (const { verb } of messages) {
      const answer = await readAnswer(conversation, host, limit);
      const cut = answer.out.length >= (OUT_ENDS[verb] ?? Number.POSITIVE_INFINITY);
      answers.push(cut ? { ...answer, out: afterCut(answer.out) } : answer);
    }
    return answers;
  };
}
