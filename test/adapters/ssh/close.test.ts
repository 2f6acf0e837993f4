/** The end of a process that used a connection: what only the operating system can show (X-8, C-2). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { HostAddress } from '../../../src/ports.js';
import { addressOf, keyPair } from './parts.js';

const host = keyPair();
const mine = keyPair();
const hostKey = host.public.split(' ').slice(0, 2).join(' ');

let folder: string;
const open: (() => void)[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'close-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listen(server: NetServer | InstanceType<typeof ssh2.Server>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** An SSH server that lets everybody in; `session` gets each connection then. */
const ssh = (session: (connection: Connection) => void): Promise<number> =>
  listen(
    new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
      open.push(() => connection.end());
      connection.on('error', () => {}).on('authentication', (context) => context.accept());
      connection.on('ready', () => session(connection));
    }),
  );

const onExec = (connection: Connection, behave: (take: () => ServerChannel) => void): unknown =>
  connection.on('session', (take) => take().on('exec', (yes) => behave(yes)));

/** A way to `port` that stands still from `freeze` on: its kernel takes what comes, and says no word. */
async function freezable(port: number): Promise<{ port: number; freeze(): void }> {
  const sockets: Socket[] = [];
  let frozen = false;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const up = connect(port, '127.0.0.1');
    sockets.push(socket, up);
    socket.on('error', () => {}).on('data', (data) => frozen || up.write(data));
    up.on('error', () => {}).on('data', (data) => frozen || socket.write(data));
  });
  open.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: await listen(server),
    freeze() {
      frozen = true;
    },
  };
}

/** A process that connects, runs one program and closes. Its output, and its exit code; null where it had to be killed. */
function runAndClose(address: HostAddress): Promise<{ said: string; code: number | null }> {
  const path = join(folder, 'client.mts');
  writeFileSync(
    path,
    `import { createConnect } from ${JSON.stringify(join(process.cwd(), 'src/adapters/ssh/connect.ts'))};
     import { bytes, failure, program, testDeps } from ${JSON.stringify(join(process.cwd(), 'test/adapters/ssh/parts.ts'))};
     const [key, address] = JSON.parse(process.argv[2]);
     const limits = { connectMs: 10_000, keepaliveMs: 15_000, keepaliveCount: 3 };
     const host = await createConnect(testDeps({ PLATFORMCTL_SSH_KEY: key }, { limits }))(address);
     const error = await failure(host.run(program('true'), bytes(''), { ms: 1000, step: 'observe' }));
     await host.close();
     process.stdout.write(error.code);`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', path, JSON.stringify([mine.private, address])], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ said, code })));
}

const to = (port: number, jump: readonly HostAddress[] = [], name = 'box') =>
  addressOf({ port, user: 'agent', hostKey }, { jump, name });

test('X-8 a host that went silent does not keep the process', async () => {
  const way = await freezable(await ssh((connection) => onExec(connection, () => way.freeze())));
  expect(await runAndClose(to(way.port))).toEqual({ said: 'PCTL-HOST-SILENT', code: 0 });
});

test('X-8 a jump host that went silent does not keep the process', async () => {
  const target = await ssh((connection) => onExec(connection, () => way.freeze()));
  const bastion = await ssh((connection) =>
    connection.on('tcpip', (take, _refuse, info) => {
      const up = connect(info.destPort, '127.0.0.1').on('error', () => {});
      const stream = take();
      stream.on('error', () => {});
      stream.pipe(up).pipe(stream);
    }),
  );
  const way = await freezable(bastion);
  expect(await runAndClose(to(target, [to(way.port, [], 'bastion')]))).toEqual({ said: 'PCTL-HOST-SILENT', code: 0 });
});

test('C-2 a server that closes right after the authentication is a lost connection, and the process says so', async () => {
  const port = await ssh((connection) => connection.end());
  expect(await runAndClose(to(port))).toEqual({ said: 'PCTL-HOST-LOST', code: 0 });
});
