/** Looking at hosts without touching them: locks that are held, and audit chains. */
import { PlatformError } from '../errors.js';
import { readHeld } from '../execute/answers.js';
import { overRun } from '../execute/converse.js';
import { decode, message } from '../execute/protocol.js';
import type { Platform } from '../manifest/model.js';
import type { Git, World } from '../ports.js';
import { type ChainProblem, checkChain, type Head } from '../state/audit.js';
import { parseStatus } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { resolvePolicy } from './policy.js';
import { readPlatform } from './read-platform.js';
import { auditPath } from './record-here.js';
import type { LockRow } from './results.js';

const LIMIT = { ms: 60_000, step: 'observe' };
const CHAIN_MAX = 16 * 1024 * 1024;

/** The config that judges, and the repo that it is of. */
export async function platformOf(world: World): Promise<{ platform: Platform; git: Git; root: string }> {
  const git = await world.openGit(world.directory);
  const policy = await resolvePolicy(world, git, { asking: false }, readPlatform);
  return { platform: policy.platform, git, root: git.root };
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Every lock that somebody holds, on one host or on all. */
export async function listLocks(world: World, only: string | undefined): Promise<LockRow[]> {
  const { platform } = await platformOf(world);
  const rows: LockRow[] = [];
  for (const name of only === undefined ? [...platform.hosts.keys()] : [only]) {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const [answer] = await overRun(host, platform.hosts.get(name)?.remoteRoot ?? '')([message('held')], LIMIT);
      for (const lock of answer ? readHeld(answer, name) : []) {
        let holder: Record<string, unknown> = {};
        try {
          holder = JSON.parse(lock.holder) as Record<string, unknown>;
        } catch {
          // a holder that is just writing who it is
        }
        rows.push({
          host: name,
          name: lock.name,
          state: lock.state,
          runId: text(holder.run_id),
          who: text(holder.who),
          since: text(holder.since),
          sourceSha: text(holder.source_sha),
          ciUrl: text(holder.ci_url),
        });
      }
    } finally {
      await host.close();
    }
  }
  return rows;
}

export interface AuditCheck {
  /** A host's name, or null for the chain of this checkout. */
  readonly host: string | null;
  readonly lines: number;
  readonly problems: readonly ChainProblem[];
}

/** Checks the chain of one host, or of this checkout, against itself and against every head that a status document or a mirror here remembers. */
export async function verifyAudit(world: World, host: string | undefined): Promise<AuditCheck> {
  const { platform, root } = await platformOf(world);
  if (host === undefined) {
    const bytes = await world.files.read(auditPath(root), CHAIN_MAX);
    return { host: null, ...checkChain(bytes ? decode(bytes) : '', []) };
  }
  const connection = await world.connect(hostAddress(platform, host));
  try {
    const [chain, statuses] = await overRun(connection, platform.hosts.get(host)?.remoteRoot ?? '')(
      [message('get', 'state/audit.jsonl'), message('heads')],
      LIMIT,
    );
    if (!chain || !statuses)
      throw new PlatformError({ code: 'PCTL-HOST-ANSWER', exit: 7, summary: `${host} did not answer` });
    const heads: Head[] = [];
    for (const line of decode(statuses.out).split('\n')) {
      const match = /"audit":\{"seq":([0-9]{1,12}),"hash":"([0-9a-f]{64})"\}/.exec(line);
      if (match) heads.push({ seq: Number(match[1]), hash: match[2] as string });
    }
    return { host, ...checkChain(decode(chain.out), [...heads, ...(await mirroredHeads(world, root, host))]) };
  } finally {
    await connection.close();
  }
}

/** The heads that this checkout saw: the mirrors of the host's status documents hold them. */
async function mirroredHeads(world: World, root: string, host: string): Promise<Head[]> {
  const folder = `${root}/.platform/state/modules`;
  const heads: Head[] = [];
  for (const name of await world.files.list(folder)) {
    if (!name.endsWith('.status.json')) continue;
    const bytes = await world.files.read(`${folder}/${name}`, CHAIN_MAX);
    try {
      const status = bytes ? parseStatus(bytes, { file: name }) : null;
      if (status?.host === host && status.audit) heads.push(status.audit);
    } catch {
      // a damaged mirror says nothing about the host
    }
  }
  return heads;
}
