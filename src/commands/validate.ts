import type { Problem } from '../errors.js';
import type { ExitCode } from '../exits.js';
import { type ValidateResult, validateFlow } from '../flows/validate.js';
import type { ValidateDocument } from '../manifest/types.js';
import type { World } from '../ports.js';
import { safe } from '../views/style.js';
import { type Globals, printJson, wantsJson } from './output.js';

/** `platformctl validate [--json]`: 0, or 3 with every problem of every file. */
export async function run(world: World, _args: string[], flags: Globals): Promise<ExitCode> {
  const result = await validateFlow(world);
  if (wantsJson(flags)) printJson(world, flags, validateJson(result));
  else world.terminal.out(validateText(result));
  return result.exitCode;
}

export function validateJson({ problems, exitCode }: ValidateResult): ValidateDocument {
  return {
    schema_version: '1.0',
    problems: problems.map(({ code, file, line, column, message, hint }) => ({
      code,
      file,
      line,
      column,
      message,
      hint: hint ?? null,
    })),
    exitCode: exitCode === 0 ? 0 : 3,
  };
}

/** `file:line:column  code  message`, the hint beneath it; what it comes to and the exit code last. */
export function validateText({ problems, modules, hosts, exitCode }: ValidateResult): string {
  if (problems.length === 0) return `valid: ${count(modules, 'module')} on ${count(hosts, 'host')}\n`;
  const files = new Set(problems.map(({ file }) => file)).size;
  return `${problems.map(problemText).join('\n')}\n\n${count(problems.length, 'problem')} in ${count(files, 'file')}   (exit ${exitCode})\n`;
}

const problemText = ({ code, file, line, column, message, hint }: Problem): string =>
  `${safe(file)}:${line}:${column}  ${code}  ${safe(message)}${hint ? `\n  hint: ${safe(hint)}` : ''}`;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
