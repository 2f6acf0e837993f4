import { type CommandTable, complete } from '../flows/complete.js';
import type { Files } from '../ports.js';

/** What the scripts of `completion` call: a line a candidate, its summary behind a tab; `:files` or `:folders` where the shell adds those. */
export async function completeText(
  table: CommandTable,
  words: readonly string[],
  files: Pick<Files, 'read' | 'list'>,
  directory: string,
): Promise<string> {
  const { candidates, also } = await complete(table, words, files, directory);
  const lines = candidates.map(({ value, summary }) => `${value}\t${summary}`);
  if (also !== null) lines.push(`:${also}`);
  return lines.map((line) => `${line}\n`).join('');
}
