import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import type { Program } from '../../ports.js';
import { quote } from '../../quote.js';

/** sshd hands the command to the login shell as one argument, and Linux takes no argument of 128 KiB. */
const MAX_COMMAND_BYTES = 120_000;

/**
 * `quote()` for whatever shell the account has. In fish a backslash inside single quotes may be an escape, so each stands outside of them, doubled, which every
 * shell reads as one. In zsh a word that begins with `=` is a command to look up, in fish one that begins with `%` was a job, unless that character is quoted.
 */
function word(value: string): string {
  const text = value.split('\\').map(quote).join('\\\\');
  return /^[=%]/.test(text) ? `'${text[0]}'${text.slice(1)}` : text;
}

/**
 * The exec request for a program: the login shell is replaced by `sh`, which reads the constant text from its first argument.
 * @throws PlatformError PCTL-PROGRAM-SIZE (2) where it does not fit into one argument
 */
export function commandLine(program: Program): string {
  const command = [
    'exec',
    'sh',
    '-c',
    `'eval "$1"'`,
    'platformctl',
    word(program.text),
    ...program.args.map(word),
  ].join(' ');
  const size = Buffer.byteLength(command);
  if (size >= MAX_COMMAND_BYTES) {
    throw new PlatformError({
      code: 'PCTL-PROGRAM-SIZE',
      exit: EXIT_TOOL_ERROR,
      summary: `the program ${program.name} with its arguments is ${size} bytes, the limit is ${MAX_COMMAND_BYTES}`,
      where: { step: program.name },
    });
  }
  return command;
}
