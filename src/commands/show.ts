import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { loadPlan } from '../flows/plan-files.js';
import type { World } from '../ports.js';
import { showMarkdown } from '../views/markdown.js';
import { showText } from '../views/show.js';
import { type Globals, printJson, styleOf } from './output.js';

/** `platformctl show PLAN|ID` */
export async function run(
  world: World,
  args: string[],
  flags: Globals & { readonly markdown?: boolean; readonly full?: boolean },
): Promise<ExitCode> {
  const git = await world.openGit(world.directory);
  const { plan } = await loadPlan(world, git.root, args[0] ?? '');
  if (flags.json) printJson(world, plan);
  else
    world.terminal.out(
      flags.markdown ? showMarkdown(plan, flags.full === true) : showText(plan, styleOf(world, flags)),
    );
  return EXIT_NO_CHANGES;
}
