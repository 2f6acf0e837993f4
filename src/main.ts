/** Runs a command and makes an exit code of whatever happens. Nowhere else is an exit decided or an error shown. */
import { PlatformError } from './errors.js';
import { EXIT_INTERRUPTED, EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode } from './exits.js';
import type { World } from './ports.js';

type Flags = Record<string, unknown>;
interface CommandModule {
  readonly run: (world: World, args: string[], flags: Flags) => Promise<ExitCode>;
}

const COMMANDS: Readonly<Record<string, () => Promise<unknown>>> = {
  init: () => import('./commands/init.js'),
  validate: () => import('./commands/validate.js'),
  plan: () => import('./commands/plan.js'),
  show: () => import('./commands/show.js'),
  approve: () => import('./commands/approve.js'),
  'explain-approval': () => import('./commands/explain-approval.js'),
  apply: () => import('./commands/apply.js'),
  status: () => import('./commands/status.js'),
  audit: () => import('./commands/audit.js'),
  lock: () => import('./commands/lock.js'),
  doctor: () => import('./commands/doctor.js'),
  host: () => import('./commands/host.js'),
  config: () => import('./commands/config.js'),
  version: () => import('./commands/version.js'),
};

/** The exit code of one call; never throws. */
export async function main(argv: string[]): Promise<number> {
  const interruption = new AbortController();
  const signalled = (): void => {
    // Only an apply has something to see through (X-9): it listens. Twice is enough for everybody.
    if (interruption.signal.aborted || argv.find((word) => !word.startsWith('-')) !== 'apply') process.exit(EXIT_INTERRUPTED);
    interruption.abort();
  };
  process.on('SIGINT', signalled).on('SIGTERM', signalled);
  process.stdout.on('error', quietPipe).on('drain', () => undefined);
  process.stderr.on('error', quietPipe);
  process.on('uncaughtException', (error) => process.exit(crash(error, argv)));
  process.on('unhandledRejection', (error) => process.exit(crash(error, argv)));
  try {
    return await dispatch(argv, interruption.signal);
  } catch (error) {
    return crash(error, argv);
  }
}

/** A reader that went away (`| head`) is no failure of ours. */
function quietPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function dispatch(argv: string[], interrupted: AbortSignal): Promise<number> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === 'version')) {
    const { version } = await import('./wiring.js');
    process.stdout.write(`${version()}\n`);
    return EXIT_NO_CHANGES;
  }
  const { topicText } = await import('./commands/help.js');
  const topic = argv[0] === 'help' ? topicText(argv[1]) : null;
  if (topic !== null) {
    process.stdout.write(topic);
    return EXIT_NO_CHANGES;
  }
  const { buildProgram } = await import('./program.js');
  let exit: number = EXIT_NO_CHANGES;
  const program = buildProgram(async (name, args, flags) => {
    exit = await runCommand(name, args, flags, interrupted);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    if (argv.length === 0) program.outputHelp();
  } catch (error) {
    const { CommanderError } = await import('commander');
    if (!(error instanceof CommanderError)) throw error;
    // commander has printed what is wrong, or the help that was asked for
    return error.exitCode === 0 ? EXIT_NO_CHANGES : EXIT_TOOL_ERROR;
  }
  return exit;
}

async function runCommand(name: string, args: string[], flags: Flags, interrupted: AbortSignal): Promise<number> {
  const { wire } = await import('./wiring.js');
  const world = await wire({
    directory: typeof flags.C === 'string' ? flags.C : undefined,
    envFile: typeof flags.envFile === 'string' ? flags.envFile : undefined,
    noColor: flags.color === false,
    interrupted,
  });
  try {
    const module = (await COMMANDS[name]?.()) as CommandModule;
    return await module.run(world, args, flags);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const { errorJson, errorText } = await import('./views/errors.js');
    if (flags.json === true || flags.jsonLines === true) world.terminal.out(`${JSON.stringify(errorJson(error), null, 2)}\n`);
    else world.terminal.err(errorText(error, { colour: world.terminal.colour, full: false, now: null, terminal: world.terminal.interactive }));
    if (flags.debug === true) world.terminal.err(`${error.stack ?? ''}\n${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
    return error.exit;
  }
}

/** A bug: its kind and nothing of what it holds, for a message of a library may hold a secret (O-6). */
function crash(error: unknown, argv: readonly string[]): number {
  const known = error instanceof PlatformError;
  const kind = error instanceof Error ? error.name : typeof error;
  const code = (error as { code?: unknown } | null)?.code;
  const summary = known ? error.summary : `platformctl failed unexpectedly (${kind}${typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? ` ${code}` : ''})`;
  process.stderr.write(`error: ${summary}   ${known ? error.code : 'PCTL-BUG'}\n`);
  if (argv.includes('--debug') && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  else process.stderr.write(`hint: --debug shows where\n`);
  return known ? error.exit : EXIT_TOOL_ERROR;
}
