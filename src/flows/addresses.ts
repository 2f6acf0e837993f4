/** A host of config.yaml as something to connect to. */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION } from '../exits.js';
import type { HostConfig, Platform } from '../manifest/model.js';
import type { HostAddress } from '../ports.js';

/** More connections through one another than anybody needs. */
const MAX_JUMPS = 8;

/**
 * The address of a host and the hosts to go through, first to last. As with ssh's ProxyJump only the first jump brings jumps of its own: each further one is reached from
 * the one before it.
 * @throws PlatformError PCTL-GATE-HOST (4): it, or a jump host, is not in config.yaml (G-6); PCTL-HOST-JUMP (3): a circle, a local jump host, more than 8
 */
export function hostAddress(platform: Platform, name: string): HostAddress {
  const host = configured(platform, name, null);
  return { ...plain(host), jump: jumps(platform, host, [name]) };
}

function jumps(platform: Platform, host: HostConfig, seen: readonly string[]): HostAddress[] {
  const [first, ...rest] = host.jump;
  if (first === undefined) return [];
  if (host.transport === 'local')
    throw badJump(host.name, `${host.name} is this machine: there is nothing to jump through`);
  const entry = step(platform, host, first, seen);
  const way = [...jumps(platform, entry, [...seen, first]), plain(entry)];
  for (const name of rest) way.push(plain(step(platform, host, name, [...seen, ...way.map((hop) => hop.name)])));
  if (way.length > MAX_JUMPS) throw badJump(host.name, `${host.name} is reached through more than ${MAX_JUMPS} hosts`);
  return way;
}

function step(platform: Platform, from: HostConfig, name: string, seen: readonly string[]): HostConfig {
  if (seen.includes(name)) throw badJump(from.name, `the jumps go in a circle: ${[...seen, name].join(' -> ')}`);
  const host = configured(platform, name, from.name);
  if (host.transport === 'local')
    throw badJump(from.name, `${name} has the transport local: nothing is reached through it`);
  return host;
}

function configured(platform: Platform, name: string, from: string | null): HostConfig {
  const host = platform.hosts.get(name);
  if (host !== undefined) return host;
  throw new PlatformError({
    code: 'PCTL-GATE-HOST',
    exit: EXIT_POLICY_VIOLATION,
    summary: `there is no host ${name} in .platform/config.yaml`,
    where: { file: '.platform/config.yaml', host: name },
    ...(from === null ? {} : { why: `hosts.${from}.jump names it` }),
    hint: `hosts there: ${[...platform.hosts.keys()].sort().slice(0, 20).join(', ') || 'none'}`,
  });
}

function plain(host: HostConfig): HostAddress {
  const { name, transport, address, port, user, hostKey, knownHostsFile, identityFile, shared } = host;
  return { name, transport, address, port, user, hostKey, knownHostsFile, identityFile, shared, jump: [] };
}

function badJump(host: string, summary: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-JUMP',
    exit: EXIT_INVALID,
    summary,
    where: { file: '.platform/config.yaml', host },
    hint: `look at hosts.${host}.jump`,
  });
}
