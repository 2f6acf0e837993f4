/** The log of a module's container, read or followed; bytes go to whoever redacts (O-1). */
import { PlatformError } from '../errors.js';
import { failure, readContainers, readStatuses } from '../execute/answers.js';
import { overRun } from '../execute/converse.js';
import { message } from '../execute/protocol.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import { logsProgram } from '../host/programs.js';
import type { Platform, ServiceModule } from '../manifest/model.js';
import type { Conversation, Host, OutStream, World } from '../ports.js';
import { parseStatus } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { projectOn } from './project-on.js';

export interface LogOptions {
  readonly follow: boolean;
  /** docker's form: `10m`, a time, seconds since 1970. */
  readonly since: string | null;
  /** Lines, or `all`. */
  readonly tail: string;
}

export interface Tailed {
  readonly containerId: string;
  /** Nobody read any more. */
  readonly left: boolean;
}

const OBSERVE = { ms: 60_000, step: 'observe' };
/** The host's program ends what it started when it hears nothing for 60 s. */
const WORD_MS = 10_000;
const LINGER_MS = 80;

/**
 * Hands the log to `out` as it comes, until the container or the reader ends.
 * @throws PlatformError PCTL-LOGS-NO-CONTAINER, PCTL-LOGS-DOCKER, PCTL-HOST-LOST (7)
 */
export async function tailContainer(
  world: World,
  platform: Platform,
  module: ServiceModule,
  options: LogOptions,
  out: OutStream,
): Promise<Tailed> {
  const host = await world.connect(hostAddress(platform, module.host));
  try {
    const id = await newestContainer(host, platform, module);
    const args = [id, options.tail, options.since ?? '', options.follow ? '1' : '0'];
    const conversation = await host.talk({ name: 'logs', text: logsProgram, args }, { ms: 30_000, step: 'logs' });
    const left = !(await pass(conversation, out));
    const code = await conversation.end({ ms: 15_000, step: 'logs' }).catch(() => null);
    if (!left && code !== 0) throw ended(module.host, code);
    return { containerId: id, left };
  } finally {
    await host.close();
  }
}

async function newestContainer(host: Host, platform: Platform, module: ServiceModule): Promise<string> {
  const exchange = overRun(host, platform.hosts.get(module.host)?.remoteRoot ?? '');
  const [statuses, containers] = await exchange([message('allstatus'), message('containers', '*')], OBSERVE);
  if (!statuses || !containers) throw failure(module.host, 'PCTL-HOST-ANSWER', `${module.host} did not answer`, '');
  const bytes = readStatuses(statuses, module.host).get(module.id);
  const project = projectOn(platform, module, bytes ? parseStatus(bytes, { host: module.host }) : null);
  const [newest] = readContainers(containers, module.host)
    .filter((container) => container.project === project && container.service === module.service)
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  if (newest) return newest.id;
  throw new PlatformError({
    code: 'PCTL-LOGS-NO-CONTAINER',
    exit: EXIT_REMOTE_FAILED,
    summary: `${module.id} has no container on ${module.host}`,
    where: { host: module.host },
    hint: `platformctl runs ${module.id} shows what its last runs did`,
  });
}

/** true: the log ended; false: the reader did. */
async function pass(conversation: Conversation, out: OutStream): Promise<boolean> {
  // From a timer, for a pager takes nothing until somebody scrolls.
  const words = setInterval(() => conversation.say(new Uint8Array([10])).catch(() => undefined), WORD_MS);
  let held = false;
  try {
    for (;;) {
      const bytes = await conversation.more({ ms: held ? LINGER_MS : 1_000, step: 'logs' });
      if (bytes === null) return await out.end();
      if (!(await (bytes.length > 0 ? out.write(bytes) : out.flush()))) return false;
      held = bytes.length > 0;
    }
  } finally {
    clearInterval(words);
  }
}

const ended = (host: string, code: number | null): PlatformError =>
  new PlatformError({
    code: code === null ? 'PCTL-HOST-LOST' : 'PCTL-LOGS-DOCKER',
    exit: EXIT_REMOTE_FAILED,
    summary: code === null ? `${host}: the connection was lost` : `docker logs ended with ${code} on ${host}`,
    where: { host, step: 'logs' },
    hint: code === null ? `platformctl host check ${host}` : 'what it said stands above',
  });
