import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createConnect } from '../../../src/adapters/ssh/connect.js';
import { nodeRefusal, resolveNode } from '../../../src/adapters/tailscale/node.js';
import { createTailnet } from '../../../src/adapters/tailscale/tailnet.js';
import { addressOf, failure, testDeps } from '../ssh/parts.js';

const recorded = (name: string): unknown => JSON.parse(readFileSync(`test/fixtures/tailscale/${name}.json`, 'utf8'));
const running = recorded('running');

describe('G-6 a node of tailscale status --json', () => {
  const own = { shared: false };
  const table: [string, string, { shared: boolean }, object][] = [
    ['self', 'laptop', own, { address: '100.101.1.1' }],
    ['a peer that is online', 'nas', own, { address: '100.101.1.2' }],
    ['by its whole name', 'nas.tail1234.ts.net', own, { address: '100.101.1.2' }],
    ['with a final dot, in capitals', 'NAS.tail1234.ts.net.', own, { address: '100.101.1.2' }],
    ['by its address', '100.101.1.2', own, { address: '100.101.1.2' }],
    ['by its IPv6 address', 'fd7a:115c:a1e0::101:102', own, { address: '100.101.1.2' }],
    ['offline', 'edge', own, { failure: 'offline' }],
    ['offline, shared or not', 'edge', { shared: true }, { failure: 'offline' }],
    ['shared in', 'backup', own, { failure: 'shared' }],
    ['shared in, by its address', '100.101.9.9', own, { failure: 'shared' }],
    ['shared in, named as such', 'backup', { shared: true }, { address: '100.101.9.9' }],
    ['somebody whom we share with', 'visitor', own, { failure: 'shared' }],
    ['our own before a shared-in one of that name', 'nas', { shared: true }, { address: '100.101.1.2' }],
    ['absent', 'nobody', own, { failure: 'absent' }],
    ['another tailnet’s name', 'nas.tail0000.ts.net', own, { failure: 'absent' }],
    ['no address of a tailnet', 'router', own, { failure: 'no_address' }],
    ['the empty name', '', own, { failure: 'absent' }],
  ];
  test.each(table)('%s', (_, name, options, expected) => {
    expect(resolveNode(running, name, options)).toEqual(expected);
  });

  test('two own nodes of one name', () => {
    const status = structuredClone(running) as { Peer: Record<string, { DNSName: string }> };
    for (const peer of Object.values(status.Peer))
      if (peer.DNSName.startsWith('edge')) peer.DNSName = 'nas.tail1234.ts.net.';
    expect(resolveNode(status, 'nas', own)).toEqual({ failure: 'ambiguous' });
  });

  test.each(['stopped', 'needs-login'])('%s', (name) => {
    expect(resolveNode(recorded(name), 'nas', own)).toEqual({ failure: 'stopped' });
  });

  test('anything else is malformed, never a crash', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (status) => {
        expect(resolveNode(status, 'nas', own)).toHaveProperty('failure');
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (peer, self) => {
        expect(
          resolveNode({ BackendState: 'Running', Self: self, Peer: peer, MagicDNSSuffix: 'x' }, 'nas', own),
        ).toHaveProperty('failure');
      }),
    );
  });

  test('may not be used: 4; does not answer: 7', () => {
    const exits = (['shared', 'absent', 'ambiguous', 'offline', 'stopped', 'malformed', 'no_address'] as const).map(
      (why) => nodeRefusal('nas', 'nas', why).exit,
    );
    expect(exits).toEqual([4, 4, 4, 7, 7, 7, 7]);
  });

  test('createConnect asks the tailnet, and root is refused before', async () => {
    const address = addressOf({ port: 22, user: 'agent', hostKey: '' }, { transport: 'tailscale', address: 'edge' });
    const deps = testDeps({}, { tailnet: { status: async () => running } });
    expect(await failure(createConnect(deps)(address))).toMatchObject({
      code: 'PCTL-GATE-NODE',
      exit: 7,
      why: 'edge is offline',
    });
    expect(await failure(createConnect(deps)({ ...address, user: 'root' }))).toMatchObject({
      code: 'PCTL-GATE-HOST',
      exit: 4,
    });
  });
});

describe('tailscale status --json', () => {
  const asking = async (script: string): Promise<{ value: unknown; seen: string }> => {
    const folder = mkdtempSync(join(tmpdir(), 'tailscale-'));
    try {
      const path = join(folder, 'tailscale');
      writeFileSync(
        path,
        `#!/bin/sh\necho "$*" >'${folder}/seen'\nenv | cut -d= -f1 | sort >>'${folder}/seen'\n${script}\n`,
      );
      chmodSync(path, 0o755);
      const { environment } = testDeps({ PATH: process.env.PATH ?? '', HOME: '/home/me', SECRET: 'x' });
      const value = await createTailnet(environment, path).status();
      return { value, seen: readFileSync(join(folder, 'seen'), 'utf8') };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test('is parsed, also where it exits 1, and gets PATH and HOME alone (M-6)', async () => {
    const { value, seen } = await asking(`echo '{"BackendState":"Stopped"}'; exit 1`);
    expect(value).toEqual({ BackendState: 'Stopped' });
    expect(seen).toMatch(/^status --json\n/);
    expect(seen).not.toContain('SECRET');
  });

  test('no JSON, and no program: PCTL-TAILNET (7)', async () => {
    expect(await failure(asking('echo failed to connect to local tailscaled >&2; exit 1'))).toMatchObject({
      code: 'PCTL-TAILNET',
      exit: 7,
    });
    const { environment } = testDeps({ PATH: '/nonexistent' });
    expect(await failure(createTailnet(environment, 'tailscale').status())).toMatchObject({
      code: 'PCTL-TAILNET',
      exit: 7,
    });
  });
});
