import { PlatformError } from '../errors.js';
import { EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { hostAddFlow } from '../flows/host-add.js';
import type { World } from '../ports.js';
import { hostAddJson, hostAddText, hostKeyText } from '../views/host-add.js';
import { type Globals, printJson, wantsJson } from './output.js';

interface Flags extends Globals {
  readonly address: string;
  readonly user?: string;
  readonly port?: string;
  readonly fingerprint?: string;
}

/** `platformctl host add NAME --address A` */
export async function run(world: World, args: string[], flags: Flags): Promise<ExitCode> {
  const { address, user, fingerprint } = flags;
  const port = Number(flags.port ?? '22');
  if (!/^\d{1,5}$/.test(flags.port ?? '22') || port < 1 || port > 65_535)
    throw usage(`--port ${flags.port} is no port`, 'a number from 1 to 65535');
  if (fingerprint !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint))
    throw usage('--fingerprint is not a whole fingerprint', 'SHA256: and 43 characters, as ssh-keygen -lf prints it');
  const result = await hostAddFlow(world, { name: args[0] ?? '', address, user, port, fingerprint }, (key) =>
    world.terminal.err(hostKeyText({ address, port, ...key })),
  );
  if (wantsJson(flags)) printJson(world, flags, hostAddJson(result));
  else world.terminal.out(hostAddText(result));
  return EXIT_NO_CHANGES;
}

const usage = (summary: string, hint: string): PlatformError =>
  new PlatformError({ code: 'PCTL-USAGE', exit: EXIT_TOOL_ERROR, summary, hint });
