/** The whole command tree on one page. Each action is imported when it runs (C-6). */
import { Argument, Command, type CommanderError, Option } from 'commander';
import { PlatformError } from './errors.js';
import { EXIT_TOOL_ERROR } from './exits.js';

/** Runs a command's module: `name` is its file in commands/. */
export type Act = (name: string, args: string[], flags: Record<string, unknown>) => Promise<void>;

const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ platformctl ${line}`).join('\n')}`;
/** Does not depend on the terminal, so that help is the same everywhere. */
const HELP_WIDTH = 100;

/** What commander found wrong with a call, as an error of ours (C-2); its ends without an error, as after help, are thrown on. */
function misused(path: string): (error: CommanderError) => never {
  return (error) => {
    if (error.exitCode === 0 || error.code === 'commander.helpDisplayed') throw error;
    const missing = error.code === 'commander.help';
    const [problem = '', ...more] = error.message.replace(/^error: /, '').split('\n');
    // After `--` commander compares a word with option names, and suggests nonsense.
    const suggestion = problem.startsWith("unknown command '-")
      ? undefined
      : /Did you mean (.+)\?/.exec(more.join(' '))?.[1];
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: missing ? `${path} needs to be told what to do` : problem,
      hint: suggestion ? `did you mean ${suggestion}?` : `${path} -h`,
    });
  };
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function buildProgram(act: Act): Command {
  const program = new Command('platformctl')
    .description('Plan, approve, apply and verify docker compose services on your own servers, from a git repository.')
    .option('-C <dir>', 'run as if started in DIR')
    .option('--json', 'one JSON document on stdout')
    .option('--json-lines', 'a stream of JSON events on stdout while it works')
    .option('--no-color', 'no colour (NO_COLOR, TERM=dumb and CI do the same)')
    .option('--env-file <file>', 'read PLATFORMCTL_* variables from FILE')
    .option('-q, --quiet', 'no progress')
    .option('-v, --verbose', 'more of it')
    .option('--debug', 'stack traces of errors')
    .option('--version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand(false)
    .configureHelp({ helpWidth: HELP_WIDTH, showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .exitOverride(misused('platformctl'));

  const command = (spec: string, summary: string, parent: Command = program): Command => {
    const made = parent
      .command(spec)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .helpOption('-h, --help', 'this help')
      .helpCommand(false);
    return made.exitOverride(
      misused(`${parent === program ? '' : `${parent.parent?.name()} `}${parent.name()} ${made.name()}`),
    );
  };
  const to = (made: Command, name: string): Command =>
    made.action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      await act(name, self.args, self.optsWithGlobals());
    });
  const policyRef = (): Option =>
    new Option(
      '--policy-ref <ref>',
      'the branch or commit whose config judges (default: the default branch of the remote)',
    );

  to(
    command('init', 'write a config, a first module and a workflow; never over a file')
      .option('--solo', 'one person decides: approval mode self')
      .option('--team', 'several people: approval mode signature')
      .addHelpText('after', examples('init --solo')),
    'init',
  );
  to(
    command('validate', 'check every manifest, all problems at once').addHelpText(
      'after',
      examples('validate', 'validate --json'),
    ),
    'validate',
  );
  to(
    command('plan [ids...]', 'show what would change, one plan a module')
      .option('--sha <sha>', 'plan this commit rather than the work tree')
      .option('--all', 'every service module (the default without ids)')
      .option('--changed-since <ref>', 'only modules whose manifest or files differ from REF')
      .option('--offline', 'ask no host; such a plan can never be applied')
      .option('--remove', 'plan the removal of modules that were applied, declared or not; data stays')
      .option('--host <host>', 'with --remove: the host, where several have it')
      .option('--out <file>', 'write the plan (one module) to FILE; - is stdout, a line a plan')
      .option('--out-dir <dir>', 'write every plan to DIR/<id>.plan.json')
      .addOption(policyRef())
      .option('--full', 'whole digests, every file')
      .addHelpText(
        'after',
        `${examples('plan', 'plan immich', 'plan web --out web.plan.json', 'plan --changed-since origin/main --offline', 'plan old-grafana --remove')}\n\nExit 0: nothing to change. 1: changes.`,
      ),
    'plan',
  );
  to(
    command('show <plan>', 'print a plan, by file, module id or name of a stack')
      .option('--markdown', 'for a pull request')
      .option('--full', 'whole digests')
      .addHelpText('after', examples('show web', 'show web.plan.json --markdown', 'show immich')),
    'show',
  );
  to(
    command('approve <plans...>', 'sign plans, once for all of them')
      .option('--key <file>', "the signing key (default: git's user.signingkey, else the agent's first known key)")
      .option('--full', 'whole digests')
      .addHelpText('after', examples('approve web', 'approve immich', 'approve web api cache --key ~/.ssh/id_ed25519')),
    'approve',
  );
  to(
    command('explain-approval <plan>', 'say for each approval why it counts or not')
      .option('--approval <file>', 'a further signature file (repeatable)', collect)
      .addOption(policyRef())
      .option('--full', 'whole digests')
      .addHelpText('after', examples('explain-approval web')),
    'explain-approval',
  );
  to(
    command('apply <plans...>', 'apply approved plans, verify them, record them, or put back what was there')
      .option('--approved-sha <sha>', 'the commit that was approved')
      .option('--approved-pr <number>', 'its pull request (mode forge)')
      .option('--approval <file>', 'a further signature file (repeatable)', collect)
      .addOption(policyRef())
      .option('--dry-run', 'everything up to the change, and nothing written')
      .option('--lock-wait <seconds>', 'wait for a busy lock')
      .option('--parallel <hosts>', 'hosts at once (default 10); on each, one module after the other')
      .option('--keep-going', 'a failure stops only what depends on it')
      .option('-y, --yes', 'skip prompts that are no gate')
      .option('--full', 'whole digests')
      .addHelpText(
        'after',
        `${examples('apply web', 'apply web.plan.json --lock-wait 300', 'apply web db cache --keep-going', 'apply web --dry-run')}\n\nNeeds PLATFORMCTL_PHASE=05 in the environment, 06 for several plans. Exit 9: applied and healthy. 11: failed and put back.`,
      ),
    'apply',
  );
  to(
    command('rollback <id>', 'go back to an earlier release that is kept on the host')
      .option('--to <sha>', 'the release of this commit (default: the one before what runs)')
      .option('--out <file>', 'only write the plan to FILE, for apply; - is stdout')
      .option('--approval <file>', 'a signature file (repeatable); needed where volumes differ', collect)
      .addOption(policyRef())
      .option('--dry-run', 'everything up to the change, and nothing written')
      .option('--lock-wait <seconds>', 'wait for a busy lock')
      .option('-y, --yes', 'skip prompts that are no gate')
      .option('--full', 'whole digests')
      .addHelpText(
        'after',
        `${examples('rollback web', 'rollback web --to 91b7d3a', 'rollback web --out web.plan.json')}\n\nNeeds PLATFORMCTL_PHASE=06 in the environment. The last 5 releases are kept. Exit 9: it is back and healthy.`,
      ),
    'rollback',
  );
  to(
    command('status [ids...]', 'what runs, and what the last runs left behind')
      .option('--full', 'whole digests')
      .addHelpText('after', examples('status', 'status web --json')),
    'status',
  );
  to(
    command('drift [ids...]', 'what differs on hosts from what was last applied, whatever the branch says').addHelpText(
      'after',
      `${examples('drift', 'drift web --json')}\n\nExit 0: nothing differs. 1: something does. What a neighbour's apply brought is pending, not drift.`,
    ),
    'drift',
  );
  to(
    command('runs [id]', 'the last runs, as the hosts keep them')
      .option('--host <host>', 'one host')
      .option('--limit <n>', 'at most so many, newest first (default: 20)')
      .option('--full', 'whole ids')
      .addHelpText('after', examples('runs', 'runs web --limit 100 --json')),
    'runs',
  );
  to(
    command('logs <run-or-id>', "what a run did and said, or the log of a module's container")
      .option('-f, --follow', 'stay, and show what comes (a module)')
      .option('--since <time>', 'only what is younger: 10m, 2h, 1d, or a time (a module)')
      .option('--tail <n>', 'the last N lines, or all (a module; default: 100, with --since all)')
      .option('--raw', 'control characters as they came')
      .option('--host <host>', 'look for the run on this host only')
      .option('--full', 'whole ids')
      .addHelpText(
        'after',
        `${examples('logs 0193a1c2-7e02', 'logs web -f', 'logs web --since 10m --json')}\n\nA run is named by the beginning of its id, as runs lists it; where a module has that name, the module is meant.\nWhat was said is redacted; Ctrl-C ends with 130 and leaves nothing on the host.`,
      ),
    'logs',
  );

  const audit = command('audit', 'the audit chains');
  to(
    command('verify', 'find changed, missing, swapped or cut lines', audit)
      .option('--host <host>', "a host's chain (default: this checkout's)")
      .addHelpText('after', examples('audit verify', 'audit verify --host rs2000')),
    'audit',
  );
  const lock = command('lock', 'locks on hosts');
  to(
    command('list', 'who holds which lock; takes none', lock)
      .option('--host <host>', 'one host')
      .addHelpText('after', examples('lock list')),
    'lock',
  );
  to(
    command('doctor', 'test this machine, the repo and every host').addHelpText('after', examples('doctor')),
    'doctor',
  );
  const host = command('host', 'hosts of config.yaml');
  to(
    command('check [hosts...]', 'connect and test what an apply needs', host).addHelpText(
      'after',
      examples('host check rs2000'),
    ),
    'host',
  );
  to(
    command('add <name>', "look at a machine's host key and write it into config.yaml once it was compared", host)
      .requiredOption('--address <address>', 'its name or address')
      .option('--port <port>', "sshd's port (default: 22)")
      .option('--user <user>', 'the account there (default: platform-host-agent); root is refused')
      .option('--fingerprint <fingerprint>', 'SHA256:... of its host key, in place of typing it')
      .addHelpText(
        'after',
        `${examples('host add rs2000 --address rs2000.example.net', 'host add nas --address 192.0.2.7 --port 2222 --fingerprint SHA256:...')}\n\nConnects only as far as the host key. Ends with the commands that make the account, to be run as root there.`,
      ),
    'host-add',
  );
  to(
    command('import <host>', 'bring what compose runs there already into the repo; never over a file').addHelpText(
      'after',
      `${examples('import rs2000', 'import rs2000 --json')}\n\nReads the host and changes nothing there. Files with values in them (.env, secrets) stay where they are, unread.`,
    ),
    'import',
  );
  const config = command('config', 'the configuration');
  to(
    command('view', 'the config that judges, defaults filled in', config)
      .addOption(policyRef())
      .addHelpText('after', examples('config view')),
    'config',
  );
  to(
    command('completion', "print a shell's completion script")
      .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
      .addHelpText('after', examples('completion bash >~/.local/share/bash-completion/completions/platformctl')),
    'completion',
  );
  to(command('version', 'print the version'), 'version');
  command('help [topic...]', 'help for a command; also: help exit-codes, help environment')
    .addHelpText('after', examples('help apply', 'help exit-codes'))
    .action(async (topic: string[], _flags: unknown, self: Command) => {
      const found = commandOf(program, topic);
      if (found) found.outputHelp();
      else await act('help', topic, self.optsWithGlobals());
    });
  return program;
}

/** The command that `help audit verify` names; the program for none, null where there is no such command. */
function commandOf(program: Command, path: readonly string[]): Command | null {
  let found = program;
  for (const name of path) {
    const next = found.commands.find((one) => one.name() === name);
    if (!next) return null;
    found = next;
  }
  return found;
}
