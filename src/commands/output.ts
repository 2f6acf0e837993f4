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

export function printJson(world: World, document: unknown): void {
  world.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
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
