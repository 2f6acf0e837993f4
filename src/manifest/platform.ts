/** .platform/config.yaml as the rooms below use it: defaults filled in, paths normalised. */
import type { HostConfig, Platform } from './model.js';
import { normalise, normaliseRepoPath } from './paths.js';
import type { PlatformConfig } from './types.js';

export const CONFIG_PATH = '.platform/config.yaml';
const DEFAULT_USER = 'platform-host-agent';

/** @param config follows its schema; where its other rules are broken the result is as near as can be, and the problems say so */
export function platformOf(config: PlatformConfig): Platform {
  const { approval, policy, env_file: envFile, retention } = config;
  return {
    hosts: new Map(Object.entries(config.hosts).map(([name, host]) => [name, hostOf(config, name, host)])),
    protectedRef: config.protected_ref ?? 'main',
    approval: {
      modes: [approval.mode].flat(),
      required: approval.required ?? 1,
      approvers: approval.approvers ?? null,
      allowAuthor: approval.allow_author ?? false,
    },
    policy: {
      sacredPaths: (policy?.sacred_paths ?? []).map((path) => normalise(path) ?? path),
      bindRoots: (policy?.bind_roots ?? []).map((path) => normalise(path) ?? path),
      allow: (policy?.compose?.allow ?? []).map(({ module, rule, value, reason, expires }) => ({
        module,
        rule,
        value: value === undefined ? null : String(value),
        reason,
        expires: expires ?? null,
      })),
      deny: policy?.compose?.deny ?? [],
    },
    envFile: { prefixes: envFile?.prefixes ?? [], names: envFile?.names ?? [] },
    retention: { runs: retention?.runs ?? 200, days: retention?.days ?? 90 },
  };
}

function hostOf(config: PlatformConfig, name: string, host: PlatformConfig['hosts'][string]): HostConfig {
  const remoteRoot = host.remote_root ?? config.remote_root ?? '';
  return {
    name,
    transport: host.transport,
    address: host.transport === 'local' ? 'localhost' : (host.address ?? ''),
    port: host.port ?? 22,
    user: host.user ?? DEFAULT_USER,
    hostKey: host.host_key ?? null,
    knownHostsFile: host.known_hosts_file ?? null,
    identityFile: host.identity_file ?? config.identity_file ?? null,
    jump: host.jump ?? [],
    shared: host.shared ?? false,
    remoteRoot: normalise(remoteRoot) ?? remoteRoot,
    repoRoot: normaliseRepoPath(host.repo_root ?? ''),
    delivery: host.delivery ?? config.delivery ?? 'push',
  };
}

/** What a repo without a readable config.yaml has: no host, and nobody who may approve. */
export const NO_PLATFORM: Platform = {
  hosts: new Map(),
  protectedRef: 'main',
  approval: { modes: ['signature'], required: 1, approvers: [], allowAuthor: false },
  policy: { sacredPaths: [], bindRoots: [], allow: [], deny: [] },
  envFile: { prefixes: [], names: [] },
  retention: { runs: 200, days: 90 },
};
