import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import type { World } from '../ports.js';
import { COMPLETION_SCRIPTS } from '../views/completion.js';

/** `platformctl completion bash|zsh|fish` */
export async function run(world: World, args: string[]): Promise<ExitCode> {
  world.terminal.out(COMPLETION_SCRIPTS[args[0] as keyof typeof COMPLETION_SCRIPTS]);
  return EXIT_NO_CHANGES;
}
