/** A host that is somebody else: it floods, says what is no text, or shows another identity. The built CLI over a real SSH connection. */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import ssh2, { type ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { keyPair } from '../adapters/ssh/parts.js';
import { sharedLab } from '../lab/shared.js';

const lab = sharedLab();
const keys = keyPair();
let on: Stage;
let server: InstanceType<typeof ssh2.Server> | null = null;
const connections = new Set<{ end(): unknown }>();

beforeAll(async () => {
  on = await stage(lab);
  await on.module('web', { compose: { services: { web: IDLE } } });
});
afterAll(() => on.dispose());
afterEach(() => {
  for (const connection of connections) connection.end();
  server?.close();
});

/** From now on host1 is this server, pinned by `pin`. */
async function hostIs(behave: (channel: ServerChannel) => void, pin = keys.public): Promise<void> {
  server = new ssh2.Server({ hostKeys: [keys.private] }, (connection) => {
    connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (take) => take().on('exec', (yes) => behave(yes())));
  });
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const config = parse(await readFile(`${on.repo.dir}/.platform/config.yaml`, 'utf8'));
  const host = config.hosts[lab.host().name];
  delete host.known_hosts_file;
  Object.assign(host, { port, host_key: pin.split(' ').slice(0, 2).join(' ') });
  await on.repo.write('.platform/config.yaml', stringify(config));
  await on.repo.publish(`host1 listens on ${port}`);
}

/** `plan web`, and the most memory that it ever had, in bytes. */
async function plan() {
  const told = `${on.repo.dir}/../peak`;
  const done = await on.repo.platformctl(['plan', 'web', '--json'], {
    env: { NODE_OPTIONS: `--import=${new URL('./peak.mjs', import.meta.url)}`, PEAK_FILE: told },
  });
  const peak = Number(await readFile(told, 'utf8'));
  const document = JSON.parse(done.stdout) as { exitCode: number; errors: { code: string; exitCode: number }[] };
  return { exit: done.exit, peak, errors: document.errors, said: done.stdout + done.stderr };
}

describe('X-8, I-4 a host that is somebody else', () => {
  it('writes without end and without a newline: 7, and memory stays within 64 MiB of that of a host which says little', async () => {
    await hostIs((channel) => {
      channel.write('what\n');
      channel.exit(0);
      channel.end();
    });
    const quiet = await plan();
    expect([quiet.exit, quiet.errors[0]?.code], quiet.said).toEqual([7, 'PCTL-HOST-ANSWER']);
    server?.close();

    let written = 0;
    await hostIs((channel) => {
      const chunk = Buffer.alloc(64 * 1024, 0x61);
      channel.on('error', () => undefined);
      const pump = (): void => {
        while (channel.writable && written < 10 * 2 ** 30) {
          written += chunk.length;
          if (!channel.write(chunk)) break;
        }
      };
      channel.on('drain', pump);
      pump();
    });
    const flooded = await plan();
    expect([flooded.exit, flooded.errors[0]?.code], flooded.said).toEqual([7, 'PCTL-HOST-FLOOD']);
    expect(flooded.peak - quiet.peak).toBeLessThan(64 * 2 ** 20);
  });

  it('says what is no text: 7, and what is shown is text', async () => {
    await hostIs((channel) => {
      channel.write(Buffer.concat([Buffer.from([0xff, 0xfe, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x80]), Buffer.from('\n')]));
      channel.exit(0);
      channel.end();
    });
    const { exit, said } = await plan();
    expect(exit, said).toBe(7);
    expect(said).not.toContain('\x1b');
  });

  it('G-6: shows another identity than the pinned one: 4, before anybody logs in', async () => {
    let asked = false;
    await hostIs(() => {
      asked = true;
    }, keyPair().public);
    const { exit, errors, said } = await plan();
    expect([exit, errors[0]?.code, asked], said).toEqual([4, 'PCTL-GATE-HOST-KEY', false]);
  });
});
