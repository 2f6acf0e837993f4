import { createServer } from 'node:net';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { showHostKey } from '../../../src/adapters/ssh/show-host-key.js';
import { failure, keyPair } from './parts.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Listening {
  listen(port: number, address: string, ready: () => void): unknown;
  address(): unknown;
  close(): unknown;
}
function listen(server: Listening): Promise<{ name: string; address: string; port: number }> {
  closing.push(() => server.close());
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({ name: 'box', address: '127.0.0.1', port: (server.address() as { port: number }).port }),
    ),
  );
}

describe('host add: as far as the host key', () => {
  it('shows the key, and the server sees no login', async () => {
    const rsa = ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });
    const ed25519 = keyPair();
    let logins = 0;
    const server = new ssh2.Server({ hostKeys: [rsa.private, ed25519.private] }, (connection) => {
      connection.on('authentication', () => logins++).on('error', () => {});
    });
    const shown = await showHostKey(await listen(server));
    const line = ed25519.public.split(' ').slice(0, 2).join(' ');
    expect(shown).toEqual({ kind: 'ssh-ed25519', line, fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/) });
    expect(logins).toBe(0);
  });

  it.each([
    ['closes at once', (socket: import('node:net').Socket) => socket.end(), /closed the connection/],
    ['accepts and is silent', () => {}, /no SSH server answered/],
    ['says garbage', (socket: import('node:net').Socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'.repeat(50)), /./],
  ])('X-8 %s: 7 within its limit', async (_, behave, why) => {
    const target = await listen(
      createServer((socket) => {
        closing.push(() => socket.destroy());
        socket.on('error', () => {});
        behave(socket);
      }),
    );
    const error = await failure(showHostKey(target, 500));
    expect(error).toMatchObject({ code: 'PCTL-HOST-CONNECT', exit: 7, why: expect.stringMatching(why) });
  });

  it('nothing listens: 7', async () => {
    const error = await failure(showHostKey({ name: 'box', address: '127.0.0.1', port: 1 }));
    expect(error).toMatchObject({ code: 'PCTL-HOST-CONNECT', exit: 7, why: expect.stringMatching(/ECONNREFUSED/) });
  });
});
