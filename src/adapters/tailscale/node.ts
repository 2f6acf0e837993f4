/** A node of `tailscale status --json`, judged (G-6). Pure. */
import { PlatformError } from '../../errors.js';
import { EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED } from '../../exits.js';

export type NodeFailure = 'malformed' | 'stopped' | 'absent' | 'ambiguous' | 'shared' | 'offline' | 'no_address';

interface Node {
  readonly HostName?: unknown;
  readonly DNSName?: unknown;
  readonly TailscaleIPs?: unknown;
  readonly Online?: unknown;
  readonly ShareeNode?: unknown;
  readonly UserID?: unknown;
}

/**
 * The address of a node of this tailnet.
 * @param status what `tailscale status --json` printed, parsed
 * @param name `nas` (the first label of its MagicDNS name), the whole MagicDNS name, or one of its addresses
 * @param shared whether a node that is shared in from another tailnet is accepted
 */
export function resolveNode(
  status: unknown,
  name: string,
  { shared }: { shared: boolean },
): { readonly address: string } | { readonly failure: NodeFailure } {
  if (!record(status) || typeof status.BackendState !== 'string') return { failure: 'malformed' };
  if (status.BackendState !== 'Running') return { failure: 'stopped' };
  const peers = record(status.Peer) ? Object.values(status.Peer) : [];
  const nodes = [status.Self, ...peers].filter(record) as Node[];
  const suffix = suffixOf(status);
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const matches = nodes.filter(
    (node) => addresses(node).includes(wanted) || dnsName(node) === wanted || shortName(node) === wanted,
  );
  // A short name that a node of our own has is that node, whatever a shared-in one calls itself.
  const own = matches.filter((node) => !foreign(node, suffix));
  const candidates = own.length > 0 ? own : matches;
  const node = candidates[0];
  if (node === undefined) return { failure: 'absent' };
  if (candidates.length > 1) return { failure: 'ambiguous' };
  if (foreign(node, suffix) && !shared) return { failure: 'shared' };
  if (node !== status.Self && node.Online !== true) return { failure: 'offline' };
  const address = addresses(node)[0];
  return address === undefined ? { failure: 'no_address' } : { address };
}

/**
 * The refusal for a node: PCTL-GATE-NODE, exit 4 where the node may not be used, 7 where the tailnet does not answer or the node is offline.
 * @param host its name in config.yaml
 */
export function nodeRefusal(host: string, name: string, failure: NodeFailure): PlatformError {
  const words: Record<NodeFailure, { why: string; hint?: string; remote?: true }> = {
    malformed: {
      why: 'what tailscale status --json printed cannot be understood',
      remote: true,
      hint: 'tailscale version; tailscale status --json',
    },
    stopped: { why: 'tailscale is not running or not logged in here', remote: true, hint: 'tailscale up' },
    absent: { why: `there is no node ${name} in this tailnet`, hint: 'tailscale status shows the names' },
    ambiguous: { why: `several nodes are called ${name}`, hint: 'name it by its whole MagicDNS name' },
    shared: { why: `${name} is shared in from another tailnet`, hint: `hosts.${host}.shared: true accepts it` },
    offline: { why: `${name} is offline`, remote: true },
    no_address: { why: `${name} has no address in this tailnet`, remote: true },
  };
  const { why, hint, remote } = words[failure];
  return new PlatformError({
    code: 'PCTL-GATE-NODE',
    exit: remote ? EXIT_REMOTE_FAILED : EXIT_POLICY_VIOLATION,
    summary: `${host} is not a node that can be used`,
    where: { host, step: 'connect' },
    why,
    ...(hint === undefined ? {} : { hint }),
  });
}

function record(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dnsName(node: Node): string {
  return typeof node.DNSName === 'string' ? node.DNSName.toLowerCase().replace(/\.$/, '') : '';
}

function shortName(node: Node): string {
  return dnsName(node).split('.')[0] || (typeof node.HostName === 'string' ? node.HostName.toLowerCase() : '');
}

function addresses(node: Node): string[] {
  return Array.isArray(node.TailscaleIPs)
    ? node.TailscaleIPs.filter((ip): ip is string => typeof ip === 'string' && tailnetAddress(ip))
    : [];
}

/** 100.64.0.0/10 and fd7a:115c:a1e0::/48: nothing else is an address of a tailnet, whatever the status says. */
function tailnetAddress(ip: string): boolean {
  const v4 = /^100\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(ip);
  if (v4) return Number(v4[1]) >= 64 && Number(v4[1]) <= 127;
  return /^fd7a:115c:a1e0:[0-9a-f:]+$/i.test(ip);
}

/** `tail1234.ts.net`, '' where it is not told. */
function suffixOf(status: { readonly [key: string]: unknown }): string {
  const tailnet = record(status.CurrentTailnet) ? status.CurrentTailnet.MagicDNSSuffix : undefined;
  const suffix = typeof tailnet === 'string' ? tailnet : status.MagicDNSSuffix;
  return typeof suffix === 'string' ? suffix.toLowerCase().replace(/\.$/, '') : '';
}

/** Shared in: its name lies in another tailnet, or tailscale says so. A node that cannot be told to be ours is not ours. */
function foreign(node: Node, suffix: string): boolean {
  if (node.ShareeNode === true) return true;
  return suffix === '' || !dnsName(node).endsWith(`.${suffix}`);
}
