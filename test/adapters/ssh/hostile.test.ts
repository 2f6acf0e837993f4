/** Servers that stop, drip, stall, reset, flood: each ends within its deadline with the right exit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DUPLEX_BOUNDS } from '../../../src/adapters/duplex.js';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { SESSION_LIMITS, type SessionLimits } from '../../../src/adapters/ssh/session.js';
import { addressOf, bytes, failure, keyPair, program, testDeps } from './parts.js';

const host = keyPair();
const mine = keyPair();
const hostKey = host.public.split(' ').slice(0, 2).join(' ');
/** Of what never answers: it passes. */
const LIMIT = { ms: 400, step: 'observe' };
/** Of what answers, or ends otherwise: it does not pass, however slow this machine is. */
const AMPLE = { ms: 60_000, step: 'observe' };
/** Far above {@link LIMIT}, and far below what would be waited without it. */
const SOON_MS = 10_000;

let folder: string;
const open: (() => void)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function listen(server: NetServer | InstanceType<typeof ssh2.Server>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

/** A server of plain sockets. */
async function plain(behave: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    behave(socket);
  });
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listen(server);
}

/** An SSH server; `session` gets each connection before it authenticates. */
async function ssh(session: (connection: Connection) => void): Promise<number> {
  const connections = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    connections.add(connection);
    connection.on('error', () => {});
    session(connection);
  });
  open.push(() => {
    for (const connection of connections) connection.end();
    server.close();
  });
  return listen(server);
}

const accept = (connection: Connection): Connection => connection.on('authentication', (context) => context.accept());
const onExec = (
  connection: Connection,
  behave: (accept: (() => ServerChannel) | undefined, reject: (() => void) | undefined) => void,
): void => {
  accept(connection).on('ready', () =>
    connection.on('session', (take) => take().on('exec', (yes, no) => behave(yes as never, no as never))),
  );
};

const deps = (limits: Partial<SessionLimits> = {}) =>
  testDeps({ PLATFORMCTL_SSH_KEY: mine.private }, { limits: { ...SESSION_LIMITS, ...limits } });
const to = (port: number) => addressOf({ port, user: 'agent', hostKey });

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const since = performance.now();
  const value = await work;
  return { value, ms: performance.now() - since };
}

describe('X-8 before the connection stands', () => {
  // The authentication is come to first, so that one takes longer.
  const silent: [string, number, () => Promise<number>, RegExp][] = [
    ['accepts, then silence', 500, () => plain(() => {}), /no SSH server answered/],
    [
      'drips its banner',
      500,
      () =>
        plain((socket) => {
          const timer = setInterval(() => socket.write('S'), 50);
          socket.on('close', () => clearInterval(timer));
        }),
      /no SSH server answered/,
    ],
    [
      'says its version, then silence',
      500,
      () => plain((socket) => socket.write('SSH-2.0-x\r\n')),
      /no SSH server answered/,
    ],
    [
      'stalls in the authentication',
      2000,
      () => ssh((connection) => connection.on('authentication', () => {})),
      /silent during the authentication/,
    ],
  ];
  test.each(silent)('%s: PCTL-HOST-SILENT (7), once', async (_, connectMs, start, why) => {
    const d = deps({ connectMs });
    const { value, ms } = await timed(failure(createConnect(d)(to(await start()))));
    expect(value).toMatchObject({ code: 'PCTL-HOST-SILENT', exit: 7, why: expect.stringMatching(why) });
    expect(d.slept).toEqual([]);
    expect(ms).toBeLessThan(SOON_MS);
  });

  const broken: [string, () => Promise<number>][] = [
    ['resets', () => plain((socket) => socket.resetAndDestroy())],
    ['closes at once', () => plain((socket) => socket.end())],
    ['says garbage', () => plain((socket) => socket.end(Buffer.alloc(100_000, 0x41)))],
    [
      'is no longer there',
      async () => {
        const port = await plain(() => {});
        for (const close of open.splice(0)) close();
        return port;
      },
    ],
  ];
  test.each(broken)('%s: PCTL-HOST-CONNECT (7) after 4 tries with backoff', async (_, start) => {
    const d = deps();
    const error = await failure(createConnect(d)(to(await start())));
    expect(error).toMatchObject({ code: 'PCTL-HOST-CONNECT', exit: 7 });
    // min(30, 2^(n-1)) * (0.5 + random/2), random is 0.5 here
    expect(d.slept).toEqual([750, 1500, 3000]);
  });

  test('a server that takes the third try is used', async () => {
    let tries = 0;
    const port = await ssh((connection) => (++tries < 3 ? connection.end() : accept(connection)));
    const d = deps();
    const connected = await createConnect(d)(to(port));
    expect(d.slept).toHaveLength(2);
    await connected.close();
  });

  test('O-6 a server that refuses with words of its own is not quoted', async () => {
    const port = await ssh((connection) =>
      connection.on('authentication', (context) => context.reject(['publickey\u001b[31m' as never])),
    );
    const error = await failure(createConnect(deps())(to(port)));
    expect(error).toMatchObject({ code: 'PCTL-SSH-AUTH', exit: 7 });
    expect(JSON.stringify({ ...error })).not.toContain('u001b');
  });
});

describe('X-8 once the connection stands', () => {
  test('stalls in exec', async () => {
    const connected = await createConnect(deps())(to(await ssh((connection) => onExec(connection, () => {}))));
    const { value, ms } = await timed(failure(connected.run(program('true'), bytes(''), LIMIT)));
    expect(value).toMatchObject({
      code: 'PCTL-HOST-SILENT',
      exit: 7,
      summary: 'box: observe did not answer within 400 ms',
    });
    expect(ms).toBeLessThan(SOON_MS);
    await connected.close();
  });

  test('takes the program and says nothing', async () => {
    const connected = await createConnect(deps())(to(await ssh((connection) => onExec(connection, (yes) => yes?.()))));
    expect(await failure(connected.run(program('true'), bytes(''), LIMIT))).toMatchObject({
      code: 'PCTL-HOST-SILENT',
      exit: 7,
    });
    const talk = await connected.talk(program('true'), AMPLE);
    expect(await failure(talk.line(LIMIT))).toMatchObject({ code: 'PCTL-HOST-SILENT' });
    expect(await failure(talk.end(LIMIT))).toMatchObject({ code: 'PCTL-HOST-SILENT' });
    await connected.close();
  });

  test('refuses the program', async () => {
    const connected = await createConnect(deps())(to(await ssh((connection) => onExec(connection, (_, no) => no?.()))));
    expect(await failure(connected.run(program('true'), bytes(''), AMPLE))).toMatchObject({
      code: 'PCTL-HOST-LOST',
      exit: 7,
    });
    await connected.close();
  });

  test('takes no byte of what is said', async () => {
    const port = await ssh((connection) => onExec(connection, (yes) => yes?.().pause()));
    const d = { ...deps(), host: { bounds: { ...DUPLEX_BOUNDS, sayMs: 400 } } };
    const connected = await createConnect(d)(to(port));
    const talk = await connected.talk(program('true'), AMPLE);
    expect(await failure(talk.say(new Uint8Array(16 * 1024 * 1024)))).toMatchObject({
      code: 'PCTL-HOST-SILENT',
      exit: 7,
    });
    await connected.close();
  });

  test('writes without end: PCTL-HOST-FLOOD, and a line without end too', async () => {
    const flood = (channel: ServerChannel): void => {
      const chunk = Buffer.alloc(64 * 1024, 0x61);
      const pump = (): void => {
        while (channel.writable && channel.write(chunk));
      };
      channel.on('drain', pump);
      pump();
    };
    const port = await ssh((connection) => onExec(connection, (yes) => yes && flood(yes())));
    const d = { ...deps(), host: { bounds: { ...DUPLEX_BOUNDS, stdoutBytes: 4 * 1024 * 1024 }, killAfterMs: 50 } };
    const connected = await createConnect(d)(to(port));
    expect(await failure(connected.run(program('yes'), bytes(''), AMPLE))).toMatchObject({
      code: 'PCTL-HOST-FLOOD',
      exit: 7,
    });
    const talk = await connected.talk(program('yes'), AMPLE);
    expect(await failure(talk.line(AMPLE))).toMatchObject({
      code: 'PCTL-HOST-FLOOD',
      exit: 7,
    });
    await connected.close();
  });

  test('I-4 eight programs of one connection write without end: each is given up, and none writes on', async () => {
    const bound = 4 * 1024 * 1024;
    let written = 0;
    const port = await ssh((connection) =>
      onExec(connection, (yes) => {
        const channel = yes?.();
        const chunk = Buffer.alloc(64 * 1024, 0x61);
        const pump = (): void => {
          while (channel?.writable) {
            written += chunk.length;
            if (!channel.write(chunk)) break;
          }
        };
        channel?.on('drain', pump);
        pump();
      }),
    );
    // Nothing kills them: it is the window that stops them.
    const d = { ...deps(), host: { bounds: { ...DUPLEX_BOUNDS, stdoutBytes: bound }, killAfterMs: 60_000 } };
    const connected = await createConnect(d)(to(port));
    const runs = Array.from({ length: 8 }, () => failure(connected.run(program('yes'), bytes(''), AMPLE)));
    for (const error of await Promise.all(runs)) expect(error).toMatchObject({ code: 'PCTL-HOST-FLOOD', exit: 7 });
    // They are read on until the bound is full again, and then not at all.
    for (let then = -1, looks = 0; looks < 10; looks++) {
      if (written !== then) looks = 0;
      then = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // Nine times the bound, and two windows of 2 MiB each.
    expect(written).toBeLessThan(20 * bound);
    await connected.close();
  });

  test('resets in the middle: PCTL-HOST-LOST', async () => {
    const port = await ssh((connection) =>
      onExec(connection, (yes) => {
        yes?.().write('half');
        setTimeout(() => connection.end(), 50);
      }),
    );
    const connected = await createConnect(deps())(to(port));
    expect(await failure(connected.run(program('true'), bytes(''), AMPLE))).toMatchObject({
      code: 'PCTL-HOST-LOST',
      exit: 7,
    });
  });

  test('gives its exit status and never closes: it is given up in time, for bytes may be missing', async () => {
    const port = await ssh((connection) =>
      onExec(connection, (yes) => {
        const channel = yes?.();
        channel?.write('all');
        channel?.exit(0);
      }),
    );
    const connected = await createConnect(deps())(to(port));
    const { value, ms } = await timed(failure(connected.run(program('true'), bytes(''), AMPLE)));
    expect(value).toMatchObject({ code: 'PCTL-HOST-LOST', exit: 7 });
    expect(ms).toBeLessThan(20_000);
    await connected.close();
  });

  test('resets after its last byte, before the exit status: PCTL-HOST-LOST, never a success', async () => {
    const sockets: Socket[] = [];
    const good = await ssh((connection) =>
      onExec(connection, (yes) => {
        yes?.().write('all', () => setTimeout(() => sockets.map((socket) => socket.resetAndDestroy()), 100));
      }),
    );
    const { connect } = await import('node:net');
    const port = await plain((socket) => {
      sockets.push(socket);
      const up = connect(good, '127.0.0.1');
      up.on('error', () => {});
      socket.pipe(up).pipe(socket);
    });
    const connected = await createConnect(deps())(to(port));
    expect(await failure(connected.run(program('true'), bytes(''), AMPLE))).toMatchObject({
      code: 'PCTL-HOST-LOST',
      exit: 7,
    });
  });

  test('a byte now and then: the deadline is for the whole answer', async () => {
    const port = await ssh((connection) =>
      onExec(connection, (yes) => {
        const channel = yes?.();
        const timer = setInterval(() => channel?.write('a'), 50);
        channel?.on('close', () => clearInterval(timer));
        open.push(() => clearInterval(timer));
      }),
    );
    const connected = await createConnect(deps())(to(port));
    const ran = await timed(failure(connected.run(program('true'), bytes(''), LIMIT)));
    expect(ran.value).toMatchObject({ code: 'PCTL-HOST-SILENT', exit: 7 });
    const talk = await connected.talk(program('true'), AMPLE);
    const heard = await timed(failure(talk.line(LIMIT)));
    expect(heard.value).toMatchObject({ code: 'PCTL-HOST-SILENT', exit: 7 });
    expect(Math.max(ran.ms, heard.ms)).toBeLessThan(SOON_MS);
    await connected.close();
  });

  test('invalid UTF-8 is a line like any other', async () => {
    const port = await ssh((connection) =>
      onExec(connection, (yes) => yes?.().write(Buffer.from([0xff, 0xfe, 0x80, 0x0a]))),
    );
    const connected = await createConnect(deps())(to(port));
    const talk = await connected.talk(program('true'), AMPLE);
    expect(await talk.line(AMPLE)).toBe('\ufffd\ufffd\ufffd');
    await connected.close();
  });

  test('a channel that closes without an exit status: PCTL-HOST-LOST', async () => {
    const port = await ssh((connection) => onExec(connection, (yes) => yes?.().end('half')));
    const connected = await createConnect(deps())(to(port));
    expect(await failure(connected.run(program('true'), bytes(''), AMPLE))).toMatchObject({
      code: 'PCTL-HOST-LOST',
      exit: 7,
    });
    await connected.close();
  });

  test('stops answering keepalives: three missed are a lost connection', async () => {
    // A proxy in front of a good server, which lets nothing through from some moment on.
    let frozen = false;
    let started = (): void => {};
    const runs = new Promise<void>((resolve) => {
      started = resolve;
    });
    const good = await ssh((connection) =>
      onExec(connection, (yes) => {
        yes?.();
        started();
      }),
    );
    const { connect } = await import('node:net');
    const port = await plain((socket) => {
      const up = connect(good, '127.0.0.1');
      up.on('error', () => {});
      socket.on('data', (data) => frozen || up.write(data));
      up.on('data', (data) => frozen || socket.write(data));
    });
    const connected = await createConnect(deps({ keepaliveMs: 300 }))(to(port));
    const running = failure(connected.run(program('true'), bytes(''), AMPLE));
    await runs;
    frozen = true;
    const { value, ms } = await timed(running);
    expect(value).toMatchObject({ code: 'PCTL-HOST-LOST', exit: 7 });
    expect(ms).toBeLessThan(20_000);
  });
});

describe('G-6', () => {
  test('a changed host key and an unknown one: 4, and nothing is authenticated', async () => {
    let asked = 0;
    const port = await ssh((connection) =>
      connection.on('authentication', (context) => {
        asked++;
        context.accept();
      }),
    );
    const other = keyPair().public;
    const d = deps();
    for (const pinned of [other, null]) {
      const error = await failure(createConnect(d)(addressOf({ port, user: 'agent', hostKey: pinned as string })));
      expect(error).toMatchObject({
        code: 'PCTL-GATE-HOST-KEY',
        exit: 4,
        summary: expect.stringMatching(/ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}$/),
      });
    }
    expect(d.slept).toEqual([]);
    expect(asked).toBe(0);
  });

  test.each(['root', 'Root', ' root'])('user %j is refused before anything is sent', async (user) => {
    let seen = 0;
    const port = await plain(() => seen++);
    expect(await failure(createConnect(deps())(addressOf({ port, user, hostKey })))).toMatchObject({
      code: 'PCTL-GATE-HOST',
      exit: 4,
    });
    expect(seen).toBe(0);
  });
});
