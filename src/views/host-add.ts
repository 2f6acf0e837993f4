import type { HostAddResult } from '../flows/host-add.js';
import type { HostKeyTarget, ShownHostKey } from '../ports.js';
import { safe } from './style.js';

/** What a machine showed, before anybody is asked. */
export function hostKeyText({ address, port, kind, fingerprint }: Omit<HostKeyTarget, 'name'> & ShownHostKey): string {
  return `${safe(address)} port ${port} showed the host key\n\n  ${safe(kind)}  ${safe(fingerprint)}\n\n`;
}

export function hostAddText({ host, asRoot, next }: HostAddResult): string {
  return [
    `added     ${host.name} to .platform/config.yaml   ${host.user}@${host.address} port ${host.port}`,
    '',
    `on ${host.name}, as root, where ${host.user} is not set up yet (nothing of this was run):`,
    ...asRoot.map((line) => `  ${line}`),
    '',
    'next:',
    ...next.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** schemas/host-add.schema.json */
export function hostAddJson({ host, hostKey, asRoot, next }: HostAddResult): object {
  return {
    schema_version: '1.0',
    exitCode: 0,
    host: host.name,
    address: host.address,
    port: host.port,
    user: host.user,
    host_key: { kind: hostKey.kind, fingerprint: hostKey.fingerprint, line: hostKey.line },
    file: '.platform/config.yaml',
    as_root: [...asRoot],
    next: [...next],
  };
}
