/** What every command shares on its way out. */
import type { World } from '../ports.js';
import type { Style } from '../views/style.js';

/** The global flags that a command may care about. */
export interface Globals {
  readonly json?: boolean;
  readonly jsonLines?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

/** Whether data is wanted and not text; with `--json-lines` the document is the last line. */
export const wantsJson = (flags: Globals): boolean => flags.json === true || flags.jsonLines === true;

export function printJson(world: World, flags: Globals, document: unknown): void {
  const indent = flags.jsonLines === true && flags.json !== true ? 0 : 2;
  world.terminal.out(`${JSON.stringify(document, null, indent)}\n`);
}

/** Relative times only on a terminal; colour where the terminal has it (C-3). */
export function styleOf(world: World, flags: { full?: boolean }): Style {
  const terminal = world.terminal.interactive;
  return {
    colour: world.terminal.colour,
    full: flags.full === true,
    now: terminal ? world.clock.now() : null,
    terminal,
  };
}

/** The same for what stands on stderr. */
export const errStyleOf = (world: World, flags: { full?: boolean }): Style => ({
  ...styleOf(world, flags),
  colour: world.terminal.errColour,
});
