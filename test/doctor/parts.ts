import type { HostConfig } from '../../src/manifest/model.js';

export function hostConfig(overrides: Partial<HostConfig> = {}): HostConfig {
  const name = overrides.name ?? 'box';
  return {
    name,
    transport: 'ssh',
    address: `${name}.example.net`,
    port: 22,
    user: 'platform-host-agent',
    hostKey: 'ssh-ed25519 AAAA',
    knownHostsFile: null,
    identityFile: null,
    jump: [],
    shared: false,
    remoteRoot: '/opt/platform',
    repoRoot: '',
    delivery: 'push',
    ...overrides,
  };
}
