/** G-7's rules for paths on the host: bind sources, and files that compose reads. */
import { isBeneath, normalise, sacredReason } from '../manifest/paths.js';
import type { PolicyContext } from './model.js';
import { type Bench, deny } from './subject.js';
import type { Path } from './values.js';

const CLOCK_FILES = new Set(['/etc/localtime', '/etc/timezone']);
/** Where systems keep what `/etc/localtime` is a link to. */
const ZONES = ['/usr/share/zoneinfo', '/etc/zoneinfo'];

/** Whether a clock file leads to what it is for: on most systems it is a link out of `/etc`. */
export const isClock = (path: string, leadsTo: string): boolean =>
  CLOCK_FILES.has(path) && ZONES.some((folder) => isBeneath(normalise(leadsTo) ?? '/', folder));
/** Sockets of engines: whoever reaches one is root on the host. */
const SOCKETS = /^\/(var\/)?run\/(.*\/)?(docker|containerd|podman|crio|buildkitd)\.sock$|\/docker\.sock$/;

/** The absolute, normalised host path of a source; null where only the host could tell (`~`), where a `$` would read as a variable, or it is no path. */
export function hostPath(source: string, folder: string): string | null {
  if (source.startsWith('~') || /[\\$]/.test(source)) return null;
  return normalise(source.startsWith('/') ? source : `${folder}/${source}`);
}

const unknownWhy = (source: string, wanted: string): string =>
  source.includes('$')
    ? 'a path with a $ in it is not followed; rename it'
    : `where it is, only the host could tell; write ${wanted} path`;

export type BindFlaw = { readonly rule: string; readonly why: string; readonly exceptionPossible: boolean };

/** Why a host path may not be mounted, or null. `readOnly` null: decided on the host, which is not held against it yet. */
function bindFlaw(path: string, readOnly: boolean | null, context: PolicyContext): BindFlaw | null {
  if (SOCKETS.test(path)) {
    return { rule: 'docker_socket', why: "the engine's socket equals root on the host", exceptionPossible: true };
  }
  if (CLOCK_FILES.has(path) && readOnly !== false) return null;
  const sacred = sacredReason(path, context.sacredPaths) ?? holdsState(path, context.remoteRoot);
  if (sacred !== null) {
    const hint = readOnly === false ? '; an exception is possible only with read_only: true' : '';
    return { rule: 'bind_sacred', why: `${sacred}${hint}`, exceptionPossible: readOnly !== false };
  }
  if ([context.remoteRoot, ...context.bindRoots].some((root) => isBeneath(path, normalise(root) ?? root))) return null;
  return {
    rule: 'bind_outside',
    why: 'it is neither beneath remote_root nor beneath bind_roots',
    exceptionPossible: true,
  };
}

function holdsState(path: string, remoteRoot: string): string | null {
  return isBeneath(remoteRoot, path) ? "platformctl's own .platform lies beneath it" : null;
}

export function judgeBind(bench: Bench, source: string, readOnly: boolean | null, path: Path): void {
  const known = hostPath(source, bench.context.folder);
  if (known === null) {
    deny(bench, 'bind_outside', source, path, unknownWhy(source, 'an absolute'), false);
    return;
  }
  const flaw = bindFlaw(known, readOnly, bench.context);
  if (flaw) deny(bench, flaw.rule, known, path, flaw.why, flaw.exceptionPossible);
}

/** env_file, configs, secrets, seccomp: files of the commit or host_files, so relative ones beneath remote_root. */
export function judgeFile(bench: Bench, rule: string, source: string, path: Path, prefix = ''): void {
  const { context } = bench;
  const known = hostPath(source, context.folder);
  if (known === null) {
    deny(bench, rule, `${prefix}${source}`, path, unknownWhy(source, 'a relative'), false);
    return;
  }
  const value = `${prefix}${known}`;
  const flaw = bindFlaw(known, true, context);
  if (source.startsWith('/')) {
    const own = flaw === null || flaw.rule === 'bind_outside';
    deny(
      bench,
      own ? rule : flaw.rule,
      own ? value : known,
      path,
      own ? 'an absolute path is neither in the commit nor in host_files' : flaw.why,
    );
  } else if (flaw || !isBeneath(known, context.remoteRoot)) {
    deny(bench, rule, value, path, flaw?.rule === 'bind_sacred' ? flaw.why : 'it lies outside of remote_root', false);
  }
}
