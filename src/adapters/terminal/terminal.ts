/** The way out (O-1): everything that leaves platformctl for a person or a pipe goes through here, redacted. */
import { createInterface } from 'node:readline/promises';
import type { Terminal } from '../../ports.js';
import { redactData } from '../../secret/data.js';
import type { Redactor } from '../../secret/redactor.js';

export interface TerminalOptions {
  readonly redactor: Redactor;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** NO_COLOR, TERM and CI decide on colour and spinners (C-3). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly noColor: boolean;
}

const set = (value: string | undefined): boolean => value !== undefined && value !== '';

export function createTerminal(options: TerminalOptions): Terminal {
  const { redactor, stdin, stdout, stderr, env } = options;
  const quietPlace = set(env.CI) || env.TERM === 'dumb';
  const interactive = stdin.isTTY === true && stderr.isTTY === true && !set(env.CI);
  const colour = stdout.isTTY === true && !quietPlace && !set(env.NO_COLOR) && !options.noColor;
  const spinner = createSpinner(stderr, interactive && !quietPlace, colour);
  return {
    interactive,
    colour,
    out(text) {
      spinner.clear();
      stdout.write(redactData(redactor, text));
    },
    err(text) {
      spinner.clear();
      stderr.write(redactor.text(text));
    },
    progress(text) {
      spinner.show(text === null ? null : redactor.text(text));
    },
    async ask(question) {
      spinner.clear();
      if (!interactive) return null;
      const lines = createInterface({ input: stdin, output: stderr, terminal: true });
      const closed = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
      try {
        return await Promise.race([lines.question(redactor.text(question)), closed]);
      } finally {
        lines.close();
      }
    },
  };
}

/** One line that is rewritten in place while something takes long; only where a person watches. ora is imported when it first turns (C-6). */
function createSpinner(stream: NodeJS.WriteStream, wanted: boolean, colour: boolean) {
  let current: { text: string; stop(): unknown } | null = null;
  let latest: string | null = null;
  const start = async (): Promise<void> => {
    const { default: ora } = await import('ora');
    if (latest === null || current !== null) return;
    current = ora({ text: latest, stream, color: colour ? 'cyan' : false, discardStdin: false }).start();
  };
  const show = (text: string | null): void => {
    latest = wanted ? text : null;
    if (latest === null) {
      current?.stop();
      current = null;
    } else if (current) current.text = latest;
    else void start();
  };
  return { show, clear: () => show(null) };
}
