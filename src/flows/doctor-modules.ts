/** The files of modules on a host (C-7): what check.sh is asked about them, and what its answers mean. Pure. */
import type { HostConfig } from '../manifest/model.js';
import { quote } from '../quote.js';
import type { HostAnswer } from './doctor-answer.js';
import type { Check } from './results.js';

/** Files of a module that are named one by one before the rest is counted. */
const MAX_NAMED = 5;

/** Makes a check of this host; the fix is left out where it holds. */
export type Make = (id: string, ok: boolean, detail: string, fix?: string | null) => Check;

/** The questions about one module. */
interface Numbers {
  readonly files: readonly number[];
  readonly hostFiles: readonly number[];
  readonly dotenv: number | null;
}

/** What is asked about a module's files: paths beneath remote_root. */
export interface ModuleFiles {
  readonly module: string;
  /** Its module.yaml or stack.yaml. */
  readonly manifest: string;
  /** Apply writes them; none where the module's delivery is `verify`. */
  readonly files: readonly string[];
  readonly hostFiles: readonly string[];
  /** The `.env` beside the compose file, where neither the commit nor `host_files` has it. */
  readonly unlistedDotenv: string | null;
}

/** What the questions were, by number, as the answers name them. */
export interface Questions {
  readonly input: string;
  readonly numbers: ReadonlyMap<ModuleFiles, Numbers>;
}

/** The lines that check.sh reads. A path with a line break cannot be asked about; the manifests refuse those. */
export function questions(modules: readonly ModuleFiles[]): Questions {
  const lines: string[] = [];
  const ask = (kind: string, path: string): number => lines.push(`${kind} ${path.replaceAll(/[\r\n\0]/g, '?')}`);
  const numbers = new Map(
    modules.map((module) => [
      module,
      {
        files: module.files.map((path) => ask('file', path)),
        hostFiles: module.hostFiles.map((path) => ask('hostfile', path)),
        dotenv: module.unlistedDotenv === null ? null : ask('dotenv', module.unlistedDotenv),
      },
    ]),
  );
  return { input: lines.map((line) => `${line}\n`).join(''), numbers };
}

/** Whether apply can write its files, its host files are there, and no `.env` was forgotten. */
export function moduleChecks(
  check: Make,
  host: HostConfig,
  answer: HostAnswer,
  account: string,
  module: ModuleFiles,
  numbers: Numbers | undefined,
): Check[] {
  const checks: Check[] = [];
  const blocked = (numbers?.files ?? [])
    .flatMap((number) => answer.files.get(number) ?? [])
    .filter(({ state }) => state !== 'ok' && state !== 'unknown');
  // Without a root of its own every file stands or falls with that one; a fix for its parent would be wrong.
  if (module.files.length > 0 && answer.root.state === 'ok') {
    const paths = [...new Set(blocked.map((file) => file.path ?? ''))];
    const owned = blocked.filter((file) => file.state === 'folder' || file.state === 'owner');
    const detail =
      blocked.length === 0
        ? `${module.files.length} of its files can be written`
        : `cannot be replaced: ${paths.slice(0, MAX_NAMED).join(', ')}${paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : ''}`;
    const fix =
      owned.length > 0
        ? chown(account, ...new Set(owned.map((file) => file.path ?? '')))
        : blocked[0]?.state === 'filesystem'
          ? `${host.remoteRoot}/.platform and ${blocked[0].path} must be on one file system`
          : 'a folder is where a file must be: move it away';
    checks.push(check(`files:${module.module}`, blocked.length === 0, detail, fix));
  }
  module.hostFiles.forEach((path, index) => {
    const state = answer.hostFiles.get(numbers?.hostFiles[index] ?? 0) ?? 'absent';
    if (state === 'ok') return;
    const full = `${host.remoteRoot}/${path}`;
    const fix =
      state === 'absent'
        ? `put it there; it is a host file of ${module.module}`
        : state === 'unreadable'
          ? `sudo chgrp ${quote(account)} ${quote(full)} && sudo chmod g+r ${quote(full)}`
          : `move the folder away and put the file there`;
    checks.push(
      check(`host-file:${module.module}`, false, `${full} is ${state === 'is-folder' ? 'a folder' : state}`, fix),
    );
  });
  if (numbers?.dotenv != null && answer.dotenvs.get(numbers.dotenv) === true) {
    checks.push(
      check(
        `dotenv:${module.module}`,
        false,
        `${host.remoteRoot}/${module.unlistedDotenv} is beside its compose file, and neither the commit nor host_files has it`,
        `host_files: [.env] in ${module.manifest}`,
      ),
    );
  }
  return checks;
}

/** The line that gives paths to the account. */
export function chown(account: string, ...paths: readonly string[]): string {
  return `sudo chown ${quote(account)}: ${paths.map(quote).join(' ')}`;
}
