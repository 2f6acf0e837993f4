import { connect } from 'node:net';
import { blobKind, wireString } from './wire.js';

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const MAX_ANSWER = 256 * 1024;

export interface AgentKey {
  readonly kind: string;
  readonly blob: Buffer;
}

/**
 * The public keys that an ssh agent holds, of every kind (ssh2 passes over those that it cannot use without a word, M-10).
 * null: nobody answers at this socket within `ms`, or what answers is no agent.
 */
export function agentKeys(socketPath: string, ms: number): Promise<readonly AgentKey[] | null> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    let answer = Buffer.alloc(0);
    const done = (keys: readonly AgentKey[] | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(keys);
    };
    const timer = setTimeout(done, ms, null);
    socket.on('error', () => done(null));
    socket.on('close', () => done(null));
    socket.on('connect', () => socket.write(Buffer.from([0, 0, 0, 1, REQUEST_IDENTITIES])));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      const message = wireString(answer, 0);
      if (message) done(parseIdentities(message.value));
      else if (answer.length > MAX_ANSWER) done(null);
    });
  });
}

function parseIdentities(message: Buffer): readonly AgentKey[] | null {
  if (message[0] !== IDENTITIES_ANSWER || message.length < 5) return null;
  const keys: AgentKey[] = [];
  let at = 5;
  for (let left = message.readUInt32BE(1); left > 0; left--) {
    const blob = wireString(message, at);
    const comment = blob && wireString(message, blob.next);
    if (!blob || !comment) return null;
    keys.push({ kind: blobKind(blob.value) ?? 'unknown', blob: Buffer.from(blob.value) });
    at = comment.next;
  }
  return keys;
}
