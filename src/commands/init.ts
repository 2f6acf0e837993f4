import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { type InitOptions, type InitResult, initFlow } from '../flows/init.js';
import type { InitDocument } from '../manifest/types.js';
import type { World } from '../ports.js';
import { type Globals, printJson, wantsJson } from './output.js';

/** `platformctl init [--solo|--team] [--json]` */
export async function run(world: World, _args: string[], flags: InitOptions & Globals): Promise<ExitCode> {
  const result = await initFlow(world, flags);
  if (wantsJson(flags)) printJson(world, flags, initJson(result));
  else world.terminal.out(initText(result));
  return EXIT_NO_CHANGES;
}

export function initJson({ approval, files, next }: InitResult): InitDocument {
  return {
    schema_version: '1.0',
    approval,
    files: files.map(({ path, state }) => ({ path, state })),
    next: [...next],
    exitCode: EXIT_NO_CHANGES,
  };
}

/** A line a file, then what to do next. */
export function initText({ approval, files, next }: InitResult): string {
  const lines = files.map(({ path, state }) => `${state.padEnd(9)} ${path}`);
  if (approval === 'self') lines.push('', 'approval: self. You alone decide; apply asks you on the terminal.');
  if (approval === 'signature') lines.push('', 'approval: signature. Somebody other than the author signs each plan.');
  return `${lines.join('\n')}\n\nnext:\n${next.map((step) => `  ${step}`).join('\n')}\n`;
}
