import { EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { loadPlan } from '../flows/plan-files.js';
import { planReferences } from '../flows/references.js';
import type { Plan } from '../manifest/types.js';
import type { World } from '../ports.js';
import { showMarkdown } from '../views/markdown.js';
import { showText } from '../views/show.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl show PLAN|ID|STACK` */
export async function run(
  world: World,
  args: string[],
  flags: Globals & { readonly markdown?: boolean; readonly full?: boolean },
): Promise<ExitCode> {
  const git = await world.openGit(world.directory);
  const plans: Plan[] = [];
  for (const reference of await planReferences(world, git, [args[0] ?? '']))
    plans.push((await loadPlan(world, git.root, reference)).plan);
  const [only, ...others] = plans;
  if (wantsJson(flags)) printJson(world, flags, only && others.length === 0 ? only : plansJson(plans));
  else
    world.terminal.out(
      plans
        .map((plan) =>
          flags.markdown ? showMarkdown(plan, flags.full === true) : showText(plan, styleOf(world, flags)),
        )
        .join('\n'),
    );
  return EXIT_NO_CHANGES;
}

/** Of a stack's modules, as schemas/plan-output.schema.json says. */
const plansJson = (plans: readonly Plan[]): object => ({
  schema_version: '1.0',
  exitCode: EXIT_NO_CHANGES,
  plans,
  undeclared: [],
  errors: [],
  warnings: [],
  left_out: 0,
  written: [],
});
