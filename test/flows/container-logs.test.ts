/** The log of a container on its way to whoever reads it. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { tailContainer } from '../../src/flows/container-logs.js';
import type { Platform, ServiceModule } from '../../src/manifest/model.js';
import type { Host, OutStream, World } from '../../src/ports.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const ID = 'c'.repeat(64);
const ROW = `${JSON.stringify([ID, `sha256:${'1'.repeat(64)}`, 'core', 'web', null, 'running', null, 0, 0, '/web', '', '', '', '2026-11-24T12:00:00Z', ''])}\n`;
const platform = {
  hosts: new Map([['rs', { name: 'rs', transport: 'local', remoteRoot: '/r', repoRoot: '', jump: [] }]]),
} as unknown as Platform;
const module = { id: 'web', host: 'rs', service: 'web', project: 'core', composeFile: 'c.yaml' } as ServiceModule;

it('X-8 words are said while the reader takes its time, as in a pager: the host ends a log that nobody asks for', async () => {
  const pieces: (Uint8Array | null)[] = [Buffer.from('one\n'), null];
  let words = 0;
  const host = {
    name: 'rs',
    run: async () => ({
      stdout: Buffer.from(`platformctl 1\n0 0 0\n0 ${ROW.length} 0\n${ROW}`),
      stderr: new Uint8Array(),
      code: 0,
    }),
    talk: async () => ({
      more: async () => pieces.shift(),
      say: async () => {
        words += 1;
      },
      end: async () => 0,
    }),
    close: async () => undefined,
  } as unknown as Host;
  const world = { connect: async () => host, clock: { now: () => Date.now() } } as unknown as World;
  let scroll = (): void => undefined;
  const out: OutStream = {
    write: () =>
      new Promise((resolve) => {
        scroll = () => resolve(true);
      }),
    flush: async () => true,
    end: async () => true,
  };
  const tailed = tailContainer(world, platform, module, { follow: true, since: null, tail: '100' }, out);
  await vi.advanceTimersByTimeAsync(65_000);
  expect(words).toBe(6);
  scroll();
  expect(await tailed).toEqual({ containerId: ID, left: false });
  expect(vi.getTimerCount()).toBe(0);
});
