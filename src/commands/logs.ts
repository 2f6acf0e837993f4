import { PlatformError } from '../errors.js';
import { EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { type LogOptions, tailContainer } from '../flows/container-logs.js';
import { runLogs, whoseLogs } from '../flows/run-logs.js';
import type { World } from '../ports.js';
import { containerLogsJson, gather } from '../views/container-logs.js';
import { outputHead, runLogsJson, runLogsText } from '../views/run-logs.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

interface Flags extends Globals {
  readonly follow?: boolean;
  readonly since?: string;
  readonly tail?: string;
  readonly raw?: boolean;
  readonly host?: string;
  readonly full?: boolean;
}

/** `platformctl logs RUN|ID` */
export async function run(world: World, [name = '']: string[], flags: Flags): Promise<ExitCode> {
  const options = logOptions(flags);
  if (options.follow && wantsJson(flags))
    throw usage('--json prints one document at the end, and --follow has none', 'leave one out');
  const { platform, module } = await whoseLogs(world, name);
  if (!module) {
    if (options.follow || flags.since !== undefined || flags.tail !== undefined)
      throw usage(
        `${name} is no module here, and --follow, --since and --tail are for a module's container`,
        `platformctl logs ${name}`,
      );
    return ofRun(world, await runLogs(world, platform, name, flags.host), flags);
  }
  if (flags.host !== undefined)
    throw usage(`--host is for runs: ${name} runs on ${module.host}`, `platformctl logs ${name}`);
  if (!wantsJson(flags)) {
    const { left } = await tailContainer(world, platform, module, options, world.terminal.stream(flags.raw === true));
    if (options.follow && !left) world.terminal.err(`the container of ${name} ended\n`);
    return EXIT_NO_CHANGES;
  }
  const gathered = gather();
  const { containerId } = await tailContainer(world, platform, module, options, gathered.stream);
  printJson(
    world,
    flags,
    containerLogsJson({ module: name, host: module.host, containerId, ...gathered.end() }, flags.raw === true),
  );
  return EXIT_NO_CHANGES;
}

async function ofRun(world: World, logs: Awaited<ReturnType<typeof runLogs>>, flags: Flags): Promise<ExitCode> {
  for (const { summary, where } of logs.notAsked)
    world.terminal.err(`warning: ${where?.host ?? 'a host'} was not asked: ${summary}\n`);
  if (wantsJson(flags)) {
    printJson(world, flags, runLogsJson(logs, flags.raw === true));
    return EXIT_NO_CHANGES;
  }
  const style = styleOf(world, flags);
  world.terminal.out(runLogsText(logs, style));
  for (const output of logs.outputs) {
    world.terminal.out(outputHead(output, style));
    const stream = world.terminal.stream(flags.raw === true);
    await stream.write(output.bytes);
    await stream.end();
    if (output.bytes.at(-1) !== 10) world.terminal.out('\n');
  }
  return EXIT_NO_CHANGES;
}

const TAIL_DEFAULT = '100';
const SINCE =
  /^([0-9]{1,6}(h|m|s))+$|^[0-9]{10}$|^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/;

function logOptions(flags: Flags): LogOptions {
  const tail = flags.tail ?? TAIL_DEFAULT;
  if (!/^([0-9]{1,9}|all)$/.test(tail)) throw usage('--tail takes a number of lines, or all', '--tail 500');
  // docker knows no days.
  const since = flags.since?.replace(/^([0-9]{1,5})d$/, (_, days: string) => `${Number(days) * 24}h`) ?? null;
  if (since !== null && !SINCE.test(since))
    throw usage('--since takes a duration or a time', '--since 10m, --since 2026-11-24T12:04:00Z');
  return { follow: flags.follow === true, since, tail: flags.tail === undefined && since !== null ? 'all' : tail };
}

const usage = (summary: string, hint: string): PlatformError =>
  new PlatformError({ code: 'PCTL-USAGE', exit: EXIT_TOOL_ERROR, summary, hint });
