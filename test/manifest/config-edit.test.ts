import { describe, expect, it } from 'vitest';
import { configText } from '../../src/flows/init-files.js';
import { readPlatform } from '../../src/flows/read-platform.js';
import { withHost } from '../../src/manifest/config-edit.js';

const KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
const ENTRY = { transport: 'ssh', address: '192.0.2.7', port: 2222, host_key: KEY };
const ADDED = ['nas:', '  transport: ssh', '  address: 192.0.2.7', '  port: 2222', `  host_key: ${KEY}`];

const config = (hosts: string, end = '\n'): string =>
  `# ours\napiVersion: platformctl/v1   # one\nkind: Platform\nremote_root: /opt/platform\n\nhosts:${hosts}\napproval: {mode:   signature}   # two keys\npolicy:\n    bind_roots:\n    -   "/mnt/media"${end}`;

const hosts = (text: string) => {
  const { platform, problems } = readPlatform(new TextEncoder().encode(text), 'config.yaml');
  expect(problems).toEqual([]);
  return [...(platform?.hosts.values() ?? [])].map(({ name, address, port, hostKey }) => [
    name,
    address,
    port,
    hostKey,
  ]);
};

describe('a host is added and every line that was there stays', () => {
  const LOCAL = ['local', 'localhost', 22, null];
  const NAS = ['nas', '192.0.2.7', 2222, KEY];
  it.each([
    ['two spaces', '\n  local: # this machine\n    transport: local\n  # nas2:\n  #   transport: ssh\n', 2],
    ['four spaces', '\n    local:\n        transport: local # not far\n\n\n', 4],
    ['braces on one line', '\n  local: {transport: local}   # not far\n', 2],
    ['braces over lines', '\n  local: {\n    transport: local\n    }\n', 2],
  ])('%s', (_, before, indent) => {
    const text = config(before);
    const after = withHost(text, 'nas', ENTRY);
    expect(hosts(after)).toEqual([LOCAL, NAS]);
    const added = ADDED.map((line) => ' '.repeat(indent) + line);
    expect(after.split('\n').filter((line) => !added.includes(line))).toEqual(text.split('\n'));
  });

  it('the config that init writes', () => {
    const text = configText({ approval: 'self', branch: 'main', remoteRoot: '/opt/platform', signer: null });
    const after = withHost(text, 'nas', ENTRY);
    expect(hosts(after)).toEqual([LOCAL, NAS]);
    expect(after.replace(`${ADDED.map((line) => `  ${line}\n`).join('')}`, '')).toBe(text);
  });

  it('at the very end of the file, with the newlines of the file', () => {
    const text =
      'apiVersion: platformctl/v1\nkind: Platform\nremote_root: /opt/x\napproval: { mode: self }\nhosts:\n  local: { transport: local }';
    expect(withHost(text, 'nas', ENTRY)).toBe(`${text}${ADDED.map((line) => `\n  ${line}`).join('')}`);
    const windows = withHost(config('\n  local: { transport: local }\n').replaceAll('\n', '\r\n'), 'nas', ENTRY);
    expect(windows.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(hosts(windows)).toEqual([LOCAL, NAS]);
  });

  it('hosts in braces: comments stay', () => {
    const after = withHost(config(' { local: { transport: local } }   # all of them\n'), 'nas', ENTRY);
    expect(hosts(after)).toEqual([LOCAL, NAS]);
    for (const comment of ['# ours', '# one', '# all of them', '# two keys']) expect(after).toContain(comment);
  });

  it('an address that YAML would read as a number', () => {
    const after = withHost(config('\n  local: { transport: local }\n'), 'nas', { ...ENTRY, address: '10' });
    expect(hosts(after)[1]).toEqual(['nas', '10', 2222, KEY]);
  });
});
