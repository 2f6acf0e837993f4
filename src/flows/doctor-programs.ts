/** What runs actions on this machine, executed and not only found (C-7): python and uv make a pack's environment, bwrap its sandbox. */
import type { World } from '../ports.js';
import { type Found, local } from './doctor-here.js';

interface Needed {
  readonly id: string;
  readonly command: string;
  /** What it has to be able to do. */
  readonly args: readonly string[];
  /** Its version in what it says. */
  readonly version: RegExp;
  readonly fix: string;
}

const NEEDED: readonly Needed[] = [
  {
    id: 'python',
    command: 'python3',
    args: ['-I', '-c', 'import sys, ssl, venv; print("Python", sys.version.split()[0])'],
    version: /^Python (\d+\.\d+\.\d+\S*)/,
    fix: 'sudo apt-get install python3 python3-venv',
  },
  {
    id: 'uv',
    command: 'uv',
    args: ['--version'],
    version: /^uv (\d+\.\d+\.\d+\S*)/,
    fix: 'pipx install uv, or what has it on this system',
  },
  {
    id: 'bwrap',
    command: 'bwrap',
    args: ['--ro-bind', '/', '/', '--unshare-all', '--die-with-parent', 'bwrap', '--version'],
    version: /^bubblewrap (\d+\.\d+\.\d+\S*)/,
    fix: 'sudo apt-get install bubblewrap; where it is there: sudo sysctl kernel.unprivileged_userns_clone=1',
  },
];

/** @param packs whether this repo has packs: without one nothing is missed here, and each says so */
export async function programChecks(world: World, packs: boolean): Promise<Found[]> {
  return Promise.all(
    NEEDED.map(async ({ id, command, args, version, fix }) => {
      const tried = await world.tryProgram(command, args);
      const found = tried?.works ? version.exec(tried.said.trim())?.[1] : undefined;
      if (found !== undefined) return local(id, true, `${found} works`);
      const what = tried === null ? `there is no ${command}` : `${command} is there and does not work`;
      return packs ? local(id, false, what, fix) : local(id, true, `${what}; only packs of actions need it: ${fix}`);
    }),
  );
}
