/** The way out (O-1): everything that leaves platformctl for a person or a pipe goes through here, redacted. */
import { createInterface } from 'node:readline';
import type { Terminal } from '../../ports.js';
import { visibleStream } from '../../secret/controls.js';
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
  const coloured = !quietPlace && !set(env.NO_COLOR) && !options.noColor;
  const colour = stdout.isTTY === true && coloured;
  const errColour = stderr.isTTY === true && coloured;
  const spinner = createSpinner(stderr, interactive && !quietPlace, errColour);
  return {
    interactive,
    colour,
    errColour,
    out(text) {
      spinner.clear();
      stdout.write(redactData(redactor, text));
    },
    stream(raw) {
      const filter = redactor.stream();
      const shown = raw ? null : visibleStream();
      const give = (bytes: Uint8Array, last = false): Promise<boolean> => {
        spinner.clear();
        return taken(stdout, shown ? shown.push(bytes) + (last ? shown.end() : '') : bytes);
      };
      return {
        write: (bytes) => give(filter.push(bytes)),
        flush: () => give(filter.flush()),
        end: () => give(filter.end(), true),
      };
    },
    document(bytes) {
      spinner.clear();
      stdout.write(bytes);
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
      stderr.write(redactor.text(question));
      return oneLine(stdin);
    },
  };
}

/** Writes, and waits while the reader is slow, so that nothing is heaped up here; false where the reader went away. */
function taken(stream: NodeJS.WriteStream, text: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) resolve(false);
    else if (text.length === 0) resolve(true);
    else stream.write(text, (error) => resolve(!error));
  });
}

const ANSWER_MAX = 10_000;

/** One line, null where the input ended first. `terminal: false` leaves the line discipline to the terminal, so that Ctrl-C stays a signal. */
function oneLine(stdin: NodeJS.ReadStream): Promise<string | null> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdin, terminal: false });
    lines.once('line', (line) => {
      resolve(line.slice(0, ANSWER_MAX));
      lines.close();
    });
    lines.once('close', () => {
      stdin.pause();
      resolve(null);
    });
  });
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
    // A terminal that nobody gave a size (docker exec -t, script) has 0 columns: ora would count endless lines to clear.
    latest = wanted && stream.columns !== 0 ? text : null;
    if (latest === null) {
      current?.stop();
      current = null;
    } else if (current) current.text = latest;
    else void start();
  };
  return { show, clear: () => show(null) };
}
