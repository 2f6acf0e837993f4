/**
 * The `Terminal` port: the way out of everything (O-1). Data goes to stdout, all else to stderr (C-1), both through the redactor; JSON stays JSON.
 */
import { createInterface } from 'node:readline';
import type { Terminal } from '../../ports.js';
import { visible } from '../../secret/controls.js';
import { redactData } from '../../secret/data.js';
import type { Redactor } from '../../secret/redactor.js';

/** The part of a stream that is used here: process.stdout and process.stderr are ones. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface TerminalOptions {
  readonly redactor: Redactor;
  /** process.env: NO_COLOR, TERM and CI are looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--no-color` */
  readonly noColor: boolean;
  /** Absent: the process's own. */
  readonly stdin?: NodeJS.ReadStream;
  readonly stdout?: Output;
  readonly stderr?: Output;
}

/** Whether colour, spinners and questions are wanted here (C-3, C-4). CI has no person, whatever it attaches. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { redactor, env } = options;
  const stdin = options.stdin ?? process.stdin;
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  const inCi = set(env.CI) && env.CI !== 'false';
  const everyStream = stdin.isTTY === true && stdout.isTTY === true && stderr.isTTY === true;
  const interactive = everyStream && !inCi;
  const colour =
    stdout.isTTY === true &&
    stderr.isTTY === true &&
    !inCi &&
    !options.noColor &&
    !set(env.NO_COLOR) &&
    env.TERM !== 'dumb';

  return {
    interactive,
    colour,
    out: (text) => void stdout.write(redactData(redactor, text)),
    err: (text) => void stderr.write(redactor.text(text)),
    ask(question) {
      if (!interactive) return Promise.resolve(null);
      stderr.write(redactor.text(visible(question)));
      return readOne(stdin);
    },
  };
}

function set(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** One line; null where the input ended first. `terminal: false`: the line discipline stays the terminal's, so Ctrl-C stays a signal. */
function readOne(stdin: NodeJS.ReadStream): Promise<string | null> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdin, terminal: false });
    let answer: string | null = null;
    lines.once('line', (line) => {
      answer = line.slice(0, 10_000);
      lines.close();
    });
    lines.once('close', () => {
      stdin.pause();
      resolve(answer);
    });
  });
}
