import { EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { verifyAudit } from '../flows/audit.js';
import type { World } from '../ports.js';
import { auditJson, auditText } from '../views/audit.js';
import { type Globals, printJson, styleOf, wantsJson } from './output.js';

/** `platformctl audit verify [--host H]` */
export async function run(
  world: World,
  _args: string[],
  flags: Globals & { readonly host?: string },
): Promise<ExitCode> {
  const result = await verifyAudit(world, flags.host);
  const exitCode = result.problems.length === 0 ? EXIT_NO_CHANGES : EXIT_TOOL_ERROR;
  if (wantsJson(flags)) printJson(world, flags, auditJson(result, exitCode));
  else world.terminal.out(auditText(result, styleOf(world, {})));
  return exitCode;
}
