/** Checking audit chains: that of a host, or of this checkout, against itself and against every head that anybody here saw. */
import { PlatformError } from '../errors.js';
import { failure } from '../execute/answers.js';
import { overRun } from '../execute/converse.js';
import { decode, type Exchange, message } from '../execute/protocol.js';
import { EXIT_INVALID } from '../exits.js';
import type { World } from '../ports.js';
import { headsIn } from '../record/heads.js';
import { type ChainProblem, checkChain } from '../state/audit.js';
import { hostAddress } from './addresses.js';
import { rememberedHeads, rememberWhole } from './heads.js';
import { platformOf } from './host-looks.js';
import { auditPath } from './record-here.js';

const LIMIT = { ms: 60_000, step: 'observe' };
/** Bytes of a chain: a million runs and more. */
const CHAIN_MAX = 512 * 1024 * 1024;
/** What talk.sh gives of a file at once. */
const PIECE = 16 * 1024 * 1024;

export interface AuditCheck {
  /** A host's name, or null for the chain of this checkout. */
  readonly host: string | null;
  readonly lines: number;
  readonly problems: readonly ChainProblem[];
}

/** What was seen is asked first: the chain, which only grows, has to have it whoever writes meanwhile. */
export async function verifyAudit(world: World, host: string | undefined): Promise<AuditCheck> {
  const { platform, root } = await platformOf(world);
  const chain = host ?? null;
  const address = host === undefined ? null : hostAddress(platform, host);
  const heads = await rememberedHeads(world, root, chain);
  let bytes: Uint8Array = new Uint8Array();
  if (host === undefined || address === null) {
    bytes = (await world.files.read(auditPath(root), CHAIN_MAX)) ?? bytes;
  } else {
    const connection = await world.connect(address);
    try {
      const exchange = overRun(connection, platform.hosts.get(host)?.remoteRoot ?? '');
      const [statuses] = await exchange([message('heads')], LIMIT);
      if (statuses?.code !== 0)
        throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not tell its status documents`, '');
      heads.push(...headsIn(decode(statuses.out)));
      bytes = await chainOf(exchange, host);
    } finally {
      await connection.close();
    }
  }
  const { lines, problems, head } = checkChain(bytes, heads);
  if (head && problems.length === 0) await rememberWhole(world, root, chain, head);
  return { host: chain, lines, problems };
}

async function chainOf(exchange: Exchange, host: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let size = 0; ; ) {
    const [answer] = await exchange([message('get', 'state/audit.jsonl', String(size))], LIMIT);
    if (answer?.code !== 0)
      throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not give its audit chain`, answer?.err ?? '');
    pieces.push(answer.out);
    size += answer.out.length;
    if (answer.out.length < PIECE) return Buffer.concat(pieces);
    if (size > CHAIN_MAX)
      throw new PlatformError({
        code: 'PCTL-FILE-TOO-LARGE',
        exit: EXIT_INVALID,
        summary: `the audit chain of ${host} is larger than ${CHAIN_MAX} bytes`,
        where: { host },
      });
  }
}
