/** Runs a command and makes an exit code of whatever happens. Nowhere else is an exit decided or an error shown. */
import { asPlatformError, PlatformError } from './errors.js';
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
  rollback: () => import('./commands/rollback.js'),
  drift: () => import('./commands/drift.js'),
  status: () => import('./commands/status.js'),
  runs: () => import('./commands/runs.js'),
  logs: () => import('./commands/logs.js'),
  audit: () => import('./commands/audit.js'),
  lock: () => import('./commands/lock.js'),
  doctor: () => import('./commands/doctor.js'),
  host: () => import('./commands/host.js'),
  'host-add': () => import('./commands/host-add.js'),
  import: () => import('./commands/import.js'),
  config: () => import('./commands/config.js'),
  completion: () => import('./commands/completion.js'),
  help: () => import('./commands/help.js'),
  version: () => import('./commands/version.js'),
};

/** One call of platformctl, as far as it has come: what the shower of an error needs to know. */
interface Call {
  readonly argv: readonly string[];
  readonly interruption: AbortController;
  readonly begun: World['begun'];
  command: string | null;
  world: World | null;
  /** There before anything takes long: an interruption is told at once. */
  views: Views | null;
}

type Views = typeof import('./views/errors.js');

/** The exit code of one call; never throws. `argv` without node and the script. */
export async function main(argv: string[]): Promise<number> {
  // What never settles would make Node end with its own 13, which means `action_failed` here.
  process.exitCode = EXIT_TOOL_ERROR;
  const call: Call = { argv, interruption: new AbortController(), begun: [], command: null, world: null, views: null };
  const crashed = (error: unknown): void => void showError(error, call).then((exit) => process.exit(exit));
  const stuck = (): void => crashed(neverEnds());
  const signalled = (): void => interrupt(call);
  process.on('SIGINT', signalled).on('SIGTERM', signalled);
  process.on('uncaughtException', crashed).on('unhandledRejection', crashed).on('beforeExit', stuck);
  if (!process.stdout.listeners('error').includes(quietPipe)) {
    process.stdout.on('error', quietPipe);
    process.stderr.on('error', quietPipe);
  }
  let exit: number;
  try {
    exit = await dispatch(call);
  } catch (error) {
    exit = await showError(error, call);
  } finally {
    process.off('SIGINT', signalled).off('SIGTERM', signalled).off('beforeExit', stuck);
  }
  // A connection that is still on its way would keep Node from ending.
  if (call.interruption.signal.aborted) {
    await Promise.all([process.stdout, process.stderr].map(written));
    process.exit(exit);
  }
  return exit;
}

/** Once a reader has taken all that was written, or is gone. */
const written = async (stream: NodeJS.WriteStream): Promise<void> => {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => void stream.write('', () => resolve()));
};

/** Node is about to leave while the command waits: nothing is left that could wake it. */
function neverEnds(): PlatformError {
  return new PlatformError({
    code: 'PCTL-INTERNAL',
    exit: EXIT_TOOL_ERROR,
    summary: 'platformctl stopped in the middle of a command: what it waited for can no longer come',
    hint: 'report what you ran; platformctl status tells what became of the hosts',
  });
}

/** Only plans that are on their way to their hosts are seen through: they listen to the signal. A second one leaves at once; the host goes on by itself. */
function interrupt(call: Call): void {
  if (call.begun.length > 0 && !call.interruption.signal.aborted) {
    call.interruption.abort();
    return;
  }
  const changes = call.command === 'apply' || call.command === 'rollback';
  const nothing = changes ? 'interrupted before anything was changed' : 'interrupted';
  const started = call.begun.some((one) => one.started);
  leave(call, started ? 'left: what was started on the host goes on, platformctl status tells its end' : nothing);
}

/** Ends the process without waiting for anything; a document where one was asked for (C-1). */
function leave(call: Call, summary: string): never {
  const error = new PlatformError({ code: 'PCTL-INTERRUPTED', exit: EXIT_INTERRUPTED, summary });
  const document = call.views && documentOf(error, call, call.views);
  const { out, err } = call.world?.terminal ?? BARE;
  if (document) out(document);
  else err(`${summary}\n`);
  process.exit(error.exit);
}

const BARE = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};

/** A reader that went away (`| head`) is no failure of ours. */
function quietPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function dispatch(call: Call): Promise<number> {
  const [first, ...rest] = call.argv;
  if (rest.length === 0 && (first === '--version' || first === 'version')) {
    const { version } = await import('./wiring.js');
    process.stdout.write(`${version()}\n`);
    return EXIT_NO_CHANGES;
  }
  const options = optionsOf(call.argv);
  if (options.includes('--version')) return runCommand('version', [], { json: options.includes('--json') }, call);
  if (first === '__complete') {
    const { completing } = await import('./wiring.js');
    const { completeText } = await import('./commands/complete.js');
    const { table, files, directory } = await completing();
    process.stdout.write(await completeText(table as never, rest, files, directory));
    return EXIT_NO_CHANGES;
  }
  const { buildProgram } = await import('./program.js');
  let exit: number = EXIT_NO_CHANGES;
  const program = buildProgram(async (name, args, flags) => {
    exit = await runCommand(name, args, flags, call);
  });
  if (first === undefined) {
    program.outputHelp();
    return EXIT_NO_CHANGES;
  }
  try {
    await program.parseAsync([...call.argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'CommanderError' && 'exitCode' in error)) throw error;
    // Help that was asked for, printed by now; what is wrong with a call comes as a PlatformError.
    return EXIT_NO_CHANGES;
  }
  return exit;
}

/** What stands before `--`. */
const optionsOf = (argv: readonly string[]): readonly string[] =>
  argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);

async function runCommand(name: string, args: string[], flags: Flags, call: Call): Promise<number> {
  const { wire } = await import('./wiring.js');
  call.command = name;
  call.views = await import('./views/errors.js');
  const world = await wire({
    directory: typeof flags.C === 'string' ? flags.C : undefined,
    envFile: typeof flags.envFile === 'string' ? flags.envFile : undefined,
    noColor: flags.color === false,
    interrupted: call.interruption.signal,
    begun: call.begun,
  });
  call.world = world;
  const module = (await COMMANDS[name]?.()) as CommandModule;
  try {
    return await module.run(world, args, flags);
  } finally {
    world.settle();
  }
}

/** Shows whatever was thrown and gives its exit code: nothing of a library's error but its kind (O-6), no stack without `--debug` (C-2). */
async function showError(thrown: unknown, call: Call): Promise<number> {
  try {
    const views = call.views ?? (await import('./views/errors.js'));
    const error = asPlatformError(thrown);
    const { out, err, style } = call.world ? voiceOf(call.world) : await bareVoice();
    const document = documentOf(error, call, views);
    if (document) out(document);
    else err(views.errorText(error, style));
    if (optionsOf(call.argv).includes('--debug')) err(views.stackText(thrown));
    return error.exit;
  } catch {
    // Not even the parts that show errors could be used.
    process.stderr.write('error: platformctl failed, and failed to say why   PCTL-INTERNAL\n');
    return thrown instanceof PlatformError ? thrown.exit : EXIT_TOOL_ERROR;
  }
}

/** null: text is wanted. */
function documentOf(error: PlatformError, { argv }: Call, { errorJson }: Views): string | null {
  const options = optionsOf(argv);
  if (options.includes('--json')) return `${JSON.stringify(errorJson(error), null, 2)}\n`;
  return options.includes('--json-lines') ? `${JSON.stringify(errorJson(error))}\n` : null;
}

const PLAIN = { colour: false, full: false, now: null, terminal: false };

function voiceOf(world: World) {
  const { out, err, errColour, interactive } = world.terminal;
  return { out, err, style: { ...PLAIN, colour: errColour, terminal: interactive } };
}

/** Before there is a world: redacted by patterns all the same. */
async function bareVoice() {
  const { createRedactor } = await import('./secret/redactor.js');
  const redactor = createRedactor();
  return {
    out: (text: string) => BARE.out(redactor.text(text)),
    err: (text: string) => BARE.err(redactor.text(text)),
    style: PLAIN,
  };
}
