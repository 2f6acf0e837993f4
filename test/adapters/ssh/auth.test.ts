/** Servers that end the authentication themselves, and what is said of it (M-10). */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection } from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { addressOf, failure, keyPair, testDeps } from './parts.js';

const keys = Array.from({ length: 8 }, () => keyPair());
const blobs = keys.map((key) => Buffer.from(key.public.split(' ')[1] as string, 'base64'));
const host = keyPair();
const hostKey = host.public.split(' ').slice(0, 2).join(' ');

let folder: string;
const open: (() => void)[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'auth-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** An agent that holds all `keys`. It signs nothing. */
async function agent(): Promise<string> {
  const string = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const answer = string(
    Buffer.concat([
      Buffer.from([12, 0, 0, 0, blobs.length]),
      ...blobs.flatMap((blob) => [string(blob), string(Buffer.from('key'))]),
    ]),
  );
  const server = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(answer)));
  const path = join(folder, `agent-${Math.random()}`);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  open.push(() => server.close());
  return path;
}

/** A server that rejects keys until the `tries`th, and ends the connection then. `offered`: the blobs that it was asked about. */
async function impatient(
  tries: number,
  end: (connection: Connection) => void,
): Promise<{ port: number; offered: Buffer[] }> {
  const offered: Buffer[] = [];
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    let failures = 0;
    open.push(() => connection.end());
    connection
      .on('error', () => {})
      .on('authentication', (context) => {
        if (context.method === 'publickey') offered.push(context.key.data);
        if (++failures >= tries) end(connection);
        else context.reject(['publickey']);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, offered };
}

/** As sshd says "Too many authentication failures": SSH_DISCONNECT_PROTOCOL_ERROR. */
const disconnect = (connection: Connection): void =>
  (connection as unknown as { _protocol: { disconnect(reason: number): void } })._protocol.disconnect(2);
const hangUp = (connection: Connection): unknown =>
  (connection as unknown as { _sock: { destroy(): unknown } })._sock.destroy();

const to = (port: number) => addressOf({ port, user: 'agent', hostKey });

test.each([
  ['says so', disconnect],
  ['hangs up', hangUp],
])(
  'M-10 more keys than the server takes, and it %s: PCTL-SSH-AUTH (7) at once, and how to name the right one',
  async (_, end) => {
    const { port, offered } = await impatient(6, end);
    const deps = testDeps({ SSH_AUTH_SOCK: await agent() });
    expect(await failure(createConnect(deps)(to(port)))).toMatchObject({
      code: 'PCTL-SSH-AUTH',
      exit: 7,
      why: expect.stringContaining('too many keys'),
      hint: expect.stringMatching(/\.pub.*identity_file/),
    });
    expect(offered).toEqual(blobs.slice(0, 6));
    expect(deps.slept).toEqual([]);
  },
);

test('M-10 a server that takes one wrong key and no more: PCTL-SSH-AUTH (7) at once', async () => {
  const { port } = await impatient(1, disconnect);
  const deps = testDeps({ PLATFORMCTL_SSH_KEY: (keys[0] as { private: string }).private });
  const error = await failure(createConnect(deps)(to(port)));
  expect(error).toMatchObject({ code: 'PCTL-SSH-AUTH', exit: 7, hint: expect.stringContaining('authorized_keys') });
  expect(error.why).not.toContain('too many');
  expect(deps.slept).toEqual([]);
});

test('a server that hangs up over the only key is tried again: it may be starting', async () => {
  const { port } = await impatient(1, hangUp);
  const deps = testDeps({ PLATFORMCTL_SSH_KEY: (keys[0] as { private: string }).private });
  expect(await failure(createConnect(deps)(to(port)))).toMatchObject({ code: 'PCTL-HOST-CONNECT', exit: 7 });
  expect(deps.slept).toHaveLength(3);
});

test('M-10 the public half that identity_file names is the first that an agent is asked for, whichever variable names the agent', async () => {
  const { port, offered } = await impatient(1, disconnect);
  const { files } = testDeps();
  const deps = testDeps(
    { PLATFORMCTL_IDENTITY_AGENT: await agent() },
    { files: { ...files, read: async () => Buffer.from((keys[7] as { public: string }).public) } },
  );
  await failure(createConnect(deps)({ ...to(port), identityFile: '~/.ssh/id.pub' }));
  expect(offered).toEqual([blobs[7]]);
});
