/** A server that takes fewer channels at once than platformctl asks for: sshd with a small MaxSessions (P-5). */
import type { AddressInfo } from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';
import { afterEach, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { addressOf, bytes, failure, keyPair, program, testDeps } from './parts.js';

const host = keyPair();
const mine = keyPair();
const hostKey = host.public.split(' ').slice(0, 2).join(' ');

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A connection to a server that has `most` channels at once. */
async function connected(most: number, behave: (channel: ServerChannel) => void) {
  let channels = 0;
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    open.push(() => connection.end());
    connection.on('error', () => {}).on('authentication', (context) => context.accept());
    connection.on('session', (take, refuse) => {
      if (channels === most) return refuse();
      channels++;
      take().on('exec', (yes) => {
        const channel = yes();
        channel.on('close', () => channels--).resume();
        behave(channel);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return createConnect(testDeps({ PLATFORMCTL_SSH_KEY: mine.private }))(addressOf({ port, user: 'agent', hostKey }));
}

const NO_CHANNEL = { code: 'PCTL-HOST-CHANNELS', exit: 7, hint: expect.stringContaining('MaxSessions') };

test('P-5 a program that gets no channel waits for one of the others to end', async () => {
  const connection = await connected(3, (channel) =>
    setTimeout(() => {
      channel.exit(0);
      channel.end();
    }, 2000),
  );
  const runs = Array.from({ length: 6 }, () =>
    connection.run(program('true'), bytes(''), { ms: 20_000, step: 'read' }),
  );
  expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
  await connection.close();
});

test('P-5 a server that opens no channel at all: 7 long before the limit, and what to raise there', async () => {
  const connection = await connected(0, () => {});
  const run = connection.run(program('true'), bytes(''), { ms: 20_000, step: 'read' });
  expect(await failure(run)).toMatchObject(NO_CHANNEL);
  await connection.close();
});

test('P-5 no channel within the limit, for the others stay open: 7, and what to raise there', async () => {
  const connection = await connected(1, () => {});
  await connection.talk(program('true'), { ms: 5000, step: 'talk' });
  const run = connection.run(program('true'), bytes(''), { ms: 2500, step: 'read' });
  expect(await failure(run)).toMatchObject(NO_CHANNEL);
  await connection.close();
});
