/** talk.sh as an exchange: once for a plan (one run a round), held open for an apply. */
import { talkProgram } from '../host/programs.js';
import type { Conversation, Host, Limit, Program } from '../ports.js';
import { failure } from './answers.js';
import {
  type Answer,
  type Exchange,
  encode,
  greet,
  type Message,
  overTalk,
  readAnswer,
  type Source,
} from './protocol.js';

const talk = (root: string): Program => ({ name: 'talk', text: talkProgram, args: [root] });

/** Lines and bytes of an output that is there as a whole. */
function sourceOf(output: Uint8Array, host: string, stderr: () => string): Source {
  let at = 0;
  const short = (): Error => failure(host, 'PCTL-HOST-ANSWER', `${host} ended before it had answered`, stderr());
  return {
    line: async () => {
      const end = output.indexOf(10, at);
      if (end < 0) throw short();
      const line = new TextDecoder().decode(output.subarray(at, end));
      at = end + 1;
      return line;
    },
    bytes: async (n) => {
      if (at + n > output.length) throw short();
      at += n;
      return output.subarray(at - n, at);
    },
  };
}

/** sshd allows 10 sessions on a connection (MaxSessions); some are left to others. */
const CHANNELS = 8;

/** Every call is one run of the program: a round trip of its own, over the same connection (P-5). */
export function overRun(host: Host, root: string): Exchange {
  const exchange = async (messages: readonly Message[], limit: Limit): Promise<Answer[]> => {
    const result = await host.run(talk(root), encode(messages), limit);
    const source = sourceOf(result.stdout, host.name, () => new TextDecoder().decode(result.stderr));
    await greet(source, host.name, root, limit);
    const answers: Answer[] = [];
    for (const _ of messages) answers.push(await readAnswer(source, host.name, limit));
    return answers;
  };
  return Object.assign(exchange, { lanes: CHANNELS });
}

/** Opens the conversation of an apply. */
export async function converse(
  host: Host,
  root: string,
  limit: Limit,
): Promise<{ conversation: Conversation; exchange: Exchange }> {
  const conversation = await host.talk(talk(root), limit);
  await greet(conversation, host.name, root, limit);
  return { conversation, exchange: overTalk(conversation, host.name) };
}
