import { describe, expect, test } from 'vitest';
import { hostAddress } from '../../src/flows/addresses.js';
import type { HostConfig, Platform } from '../../src/manifest/model.js';
import { hostConfig } from './parts.js';

function platform(...hosts: readonly HostConfig[]): Platform {
  return { hosts: new Map(hosts.map((host) => [host.name, host])) } as unknown as Platform;
}
const host = (name: string, jump: string[] = [], overrides: Partial<HostConfig> = {}) =>
  hostConfig({ name, jump, ...overrides });
const way = (from: Platform, name: string): string[] => hostAddress(from, name).jump.map((hop) => hop.name);

describe('hostAddress', () => {
  test('takes what is needed to connect, and nothing of the jumps’ jumps', () => {
    expect(hostAddress(platform(host('a', ['b']), host('b')), 'a')).toEqual({
      name: 'a',
      transport: 'ssh',
      address: 'a.example.net',
      port: 22,
      user: 'platform-host-agent',
      hostKey: 'ssh-ed25519 AAAA',
      knownHostsFile: null,
      identityFile: null,
      shared: false,
      jump: [expect.objectContaining({ name: 'b', jump: [] })],
    });
  });

  test('jumps in order; the first brings its own', () => {
    const p = platform(host('a', ['b', 'c']), host('b', ['d']), host('c', ['e']), host('d'), host('e'));
    expect(way(p, 'a')).toEqual(['d', 'b', 'c']);
    expect(way(p, 'd')).toEqual([]);
  });

  test('G-6 a host that config.yaml does not name does not exist', () => {
    const gate = expect.objectContaining({ code: 'PCTL-GATE-HOST', exit: 4 });
    expect(() => hostAddress(platform(host('a')), 'b')).toThrow(gate);
    expect(() => hostAddress(platform(host('a', ['b'])), 'a')).toThrow(gate);
  });

  test.each([
    ['itself', [host('a', ['a'])]],
    ['two', [host('a', ['b']), host('b', ['a'])]],
    ['three', [host('a', ['b']), host('b', ['c']), host('c', ['b'])]],
    ['twice in a list', [host('a', ['b', 'b']), host('b')]],
    ['back through the list', [host('a', ['b', 'c']), host('b', ['c']), host('c')]],
    ['a local jump host', [host('a', ['b']), host('b', [], { transport: 'local' })]],
    ['a local host with jumps', [host('a', ['b'], { transport: 'local' }), host('b')]],
    [
      'more than 8',
      [
        host('a', ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']),
        ...['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => host(name)),
      ],
    ],
  ])('refused (3): %s', (_, hosts) => {
    expect(() => hostAddress(platform(...hosts), 'a')).toThrow(
      expect.objectContaining({ code: 'PCTL-HOST-JUMP', exit: 3 }),
    );
  });
});
