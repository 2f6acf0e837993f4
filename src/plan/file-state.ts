/** How the files of a plan stand on the host (P-6). Pure. */
import { folderOf } from '../manifest/paths.js';
import type { PlannedFile } from './files.js';
import { ABSENT, type FileSeen, type Observation } from './observation.js';

/** How one file stands: against what the host has, and against what this module's last apply saw. */
export interface FileState {
  readonly file: PlannedFile;
  /** The host's bytes, mode are not those of the plan. */
  readonly toWrite: boolean;
  /** Somebody else than platformctl wrote what is on the host. */
  readonly foreign: boolean;
  /** Another content than at this module's last apply. */
  readonly moved: boolean;
  readonly seen: FileSeen;
}

/** Names a file as the compose file's author writes it: relative to its folder where it lies beneath. */
export function shortName(path: string, composePath: string): string {
  const folder = folderOf(composePath);
  return folder !== '' && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

const octal = (mode: string): string => mode.padStart(4, '0');

/** Compares one planned file with what the host has and with what this module's last apply saw. */
export function fileState(file: PlannedFile, observation: Observation): FileState {
  const seen = observation.files.get(file.path) ?? ABSENT;
  const last = observation.status?.files.find((one) => one.path === file.path && one.source === file.source);
  if (file.source === 'host') {
    return { file, toWrite: false, foreign: false, moved: last !== undefined && last.keyed !== file.keyed, seen };
  }
  const same = seen.kind === 'file' && seen.digest === file.sha256;
  const modeSame = seen.mode !== null && file.mode !== null && octal(seen.mode) === octal(file.mode);
  const ours = seen.digest !== null && (observation.delivered.get(file.path)?.has(seen.digest) ?? false);
  return {
    file,
    toWrite: !same || !modeSame,
    foreign: same ? !modeSame && last !== undefined : seen.kind === 'absent' ? last !== undefined : !ours,
    moved: last !== undefined && last.sha256 !== file.sha256,
    seen,
  };
}

/** Roles that compose does not look into. */
const MOUNTED = new Set(['config', 'secret', 'mount', 'seccomp']);

/** The reason's words for a file of a role. */
export function word(role: PlannedFile['role']): string {
  if (role === 'env_file' || role === 'dotenv') return 'env file changed';
  return MOUNTED.has(role) ? 'mounted file changed' : 'file changed';
}
