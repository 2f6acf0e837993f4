/** Which host has a module, where its commit need not declare it any more (B-2, P-13). */
import { overRun } from '../execute/converse.js';
import { type FirstRound, firstRound } from '../execute/observe.js';
import type { Exchange } from '../execute/protocol.js';
import type { Platform } from '../manifest/model.js';
import type { Status } from '../manifest/types.js';
import type { Host, World } from '../ports.js';
import { parseStatus } from '../state/status.js';
import { hostAddress } from './addresses.js';

const OBSERVE = { ms: 120_000, step: 'observe' };

/** A host that was looked at; its connection is open. */
export interface Found {
  readonly host: Host;
  readonly name: string;
  readonly exchange: Exchange;
  readonly first: FirstRound;
  readonly status: Status | null;
}

/**
 * Looks at hosts for one module's status. Of several hosts only those that have one stay open; a single one stays open whatever it has.
 * @throws PlatformError where none has it and one of them could not be read: it might be there
 */
export async function findApplied(
  world: World,
  platform: Platform,
  id: string,
  names: readonly string[],
): Promise<Found[]> {
  const looks = await Promise.allSettled(names.map((name) => lookFor(world, platform, id, name)));
  const found = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
  const having = names.length === 1 ? found : found.filter((one) => one.status !== null);
  await Promise.all(found.filter((one) => !having.includes(one)).map((one) => one.host.close()));
  const failed = looks.find((look) => look.status === 'rejected');
  if (having.length === 0 && failed) throw failed.reason;
  return having;
}

async function lookFor(world: World, platform: Platform, id: string, name: string): Promise<Found> {
  const host = await world.connect(hostAddress(platform, name));
  try {
    const exchange = overRun(host, platform.hosts.get(name)?.remoteRoot ?? '');
    const first = await firstRound(exchange, name, [], OBSERVE);
    const bytes = first.statuses.get(id);
    return { host, name, exchange, first, status: bytes ? parseStatus(bytes, { host: name }) : null };
  } catch (error) {
    await host.close();
    throw error;
  }
}
