/** `config view`: the config that judges, in the words of config.yaml, with its defaults filled in. It holds no secrets. */
import type { Policy } from '../flows/policy.js';
import type { HostConfig } from '../manifest/model.js';
import type { ConfigDocument } from '../manifest/types.js';

/** schemas/config-output.schema.json */
export function configJson({ ref, sha, how, platform }: Policy): ConfigDocument {
  const { approval, policy, envFile, retention } = platform;
  return {
    schema_version: '1.0',
    exitCode: 0,
    policy: { ref, sha, how },
    config: {
      protected_ref: platform.protectedRef,
      hosts: Object.fromEntries([...platform.hosts].map(([name, host]) => [name, hostJson(host)])),
      approval: {
        mode: [...approval.modes],
        required: approval.required,
        approvers: approval.approvers === null ? null : [...approval.approvers],
        allow_author: approval.allowAuthor,
      },
      policy: {
        sacred_paths: [...policy.sacredPaths],
        bind_roots: [...policy.bindRoots],
        compose: {
          allow: policy.allow.map(({ module, rule, value, reason, expires }) => ({
            module,
            rule,
            value,
            reason,
            expires,
          })),
          deny: [...policy.deny],
        },
      },
      env_file: { prefixes: [...envFile.prefixes], names: [...envFile.names] },
      retention: { runs: retention.runs, days: retention.days },
    },
  };
}

function hostJson(host: HostConfig): ConfigDocument['config']['hosts'][string] {
  return {
    transport: host.transport,
    address: host.address,
    port: host.port,
    user: host.user,
    host_key: host.hostKey,
    known_hosts_file: host.knownHostsFile,
    identity_file: host.identityFile,
    jump: [...host.jump],
    shared: host.shared,
    remote_root: host.remoteRoot,
    repo_root: host.repoRoot,
    delivery: host.delivery,
  };
}
