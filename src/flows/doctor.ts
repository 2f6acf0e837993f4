/** `doctor` and `host check` (C-7): what they claim they tested by doing it. */
import { PlatformError, type Problem } from '../errors.js';
import { EXIT_INVALID, EXIT_NO_CHANGES, EXIT_REMOTE_FAILED, type ExitCode, worstExit } from '../exits.js';
import { checkProgram } from '../host/programs.js';
import type { Platform } from '../manifest/model.js';
import { folderOf } from '../manifest/paths.js';
import type { Git, HostDescription, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { parseAnswer } from './doctor-answer.js';
import { type Found, failed, identityCheck, keygenCheck, local } from './doctor-here.js';
import { hostChecks } from './doctor-host.js';
import { type ModuleFiles, questions } from './doctor-modules.js';
import { programChecks } from './doctor-programs.js';
import { CONFIG_PATH, resolvePolicy } from './policy.js';
import { prepare } from './prepare.js';
import { readPlatform } from './read-platform.js';
import type { Check, Failure } from './results.js';
import { type Gathered, gatherWanted } from './wanted.js';

export interface ChecksResult {
  readonly checks: readonly Check[];
  readonly exitCode: ExitCode;
}

const LIMIT = { ms: 120_000, step: 'host check' };
/** Hosts that are asked at once. */
const AT_ONCE = 8;
/** The named hosts of config.yaml as it lies in the work tree, all of them where none is named. */
export async function checkHosts(world: World, names: readonly string[]): Promise<ChecksResult> {
  const git = await world.openGit(world.directory);
  const gathered = await gatherWanted(world, git, { workTree: true });
  const broken = gathered.wanted.problems.find((problem) => problem.file === CONFIG_PATH);
  if (broken) {
    throw new PlatformError({
      code: broken.code,
      exit: EXIT_INVALID,
      summary: broken.message,
      where: broken,
      ...(broken.hint ? { hint: broken.hint } : {}),
    });
  }
  const { platform } = gathered.wanted;
  for (const name of names) hostAddress(platform, name);
  const hosts = names.length > 0 ? [...new Set(names)] : [...platform.hosts.keys()];
  const { modules } = gathered.wanted;
  const elsewhere = new Set(
    [...modules.values()].filter(({ host }) => !hosts.includes(host)).map(({ manifestPath }) => manifestPath),
  );
  const problems = gathered.wanted.problems.filter(({ file }) => !elsewhere.has(file));
  const found = problems.length > 0 ? [failed('manifests', null, invalid(problems))] : [];
  return result([...found, ...(await everyHost(world, gathered, platform, hosts))]);
}

/** This machine, the config, the policy ref, then every host. */
export async function doctor(world: World): Promise<ChecksResult> {
  const found: Found[] = [];
  const git = await attempt(
    found,
    'git',
    () => world.openGit(world.directory),
    async (git) => commitInWords(git),
  );
  found.push(await keygenCheck(world));
  if (git === null) return result(found);
  const gathered = await attempt(
    found,
    'config',
    () => readConfig(world, git),
    async ({ wanted }) => `${wanted.platform.hosts.size} hosts, ${wanted.modules.size} modules`,
  );
  await attempt(
    found,
    'policy-ref',
    () => resolvePolicy(world, git, { asking: false }, readPlatform),
    async (policy) => `${policy.ref} (${policy.sha.slice(0, 7)}): ${policy.how}`,
  );
  if (gathered === null) return result(found);
  const { platform } = gathered.wanted;
  found.push(await identityCheck(world, platform));
  const packs = [...gathered.entries.keys()].some((path) => /^modules\/[^/]+\/pack\.ya?ml$/.test(path));
  found.push(...(await programChecks(world, packs)));
  found.push(...(await everyHost(world, gathered, platform, [...platform.hosts.keys()])));
  return result(found);
}

function result(found: readonly Found[]): ChecksResult {
  return {
    checks: found.map(({ check }) => check),
    exitCode: worstExit(found.map(({ check, exit }) => (check.ok ? EXIT_NO_CHANGES : exit))),
  };
}

/** Does it, and makes a check of how it went; null where it failed. */
async function attempt<T>(
  found: Found[],
  id: string,
  work: () => Promise<T>,
  words: (value: T) => Promise<string>,
): Promise<T | null> {
  try {
    const value = await work();
    found.push(local(id, true, await words(value)));
    return value;
  } catch (error) {
    found.push(failed(id, null, error));
    return null;
  }
}

async function commitInWords(git: Git): Promise<string> {
  const { sha, branch } = await git.head();
  return `${git.root} at ${sha.slice(0, 7)} (${branch ?? 'no branch'})`;
}

async function readConfig(world: World, git: Git): Promise<Gathered> {
  const gathered = await gatherWanted(world, git, { workTree: true });
  const { problems } = gathered.wanted;
  if (problems.length > 0) throw invalid(problems);
  return gathered;
}

/** The first of several problems, by its place. */
function invalid(problems: readonly Problem[]): PlatformError {
  const [first] = problems as readonly [Problem, ...Problem[]];
  const more = problems.length === 1 ? '' : `, and ${problems.length - 1} more`;
  return new PlatformError({
    code: first.code,
    exit: EXIT_INVALID,
    summary: `${first.file}:${first.line}:${first.column} ${first.message}${more}`,
    hint: 'platformctl validate',
  });
}

async function everyHost(
  world: World,
  gathered: Gathered,
  platform: Platform,
  names: readonly string[],
): Promise<Found[]> {
  const today = new Date(world.clock.now()).toISOString().slice(0, 10);
  const ids = [...gathered.wanted.modules.values()]
    .filter((module) => names.includes(module.host))
    .map((module) => module.id);
  const { prepared, errors } = await prepare(gathered, platform, ids, today);
  const found: Found[][] = [];
  const queue = names.entries();
  const worker = async (): Promise<void> => {
    for (const [index, name] of queue) {
      const modules = prepared.filter((one) => one.module.host === name).map(filesOf);
      const here = errors.filter(({ module }) => gathered.wanted.modules.get(module ?? '')?.host === name);
      found[index] = [...(await oneHost(world, platform, name, modules)), ...notLookedAt(name, here)];
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, worker));
  return found.flat();
}

/** A check for each module whose files nobody could name. */
function notLookedAt(host: string, errors: readonly Failure[]): Found[] {
  return [...new Set(errors.map(({ module }) => module))].map((module) => {
    const [first, ...others] = errors.filter((error) => error.module === module) as [Failure, ...Failure[]];
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    const detail = `not looked at: ${first.summary}${more}`;
    const fix = first.hint ?? 'platformctl validate';
    return { check: { id: `files:${module}`, host, ok: false, detail, fix }, exit: first.exitCode };
  });
}

type Prepared = Awaited<ReturnType<typeof prepare>>['prepared'][number];

function filesOf({ module, wanted, composeFile }: Prepared): ModuleFiles {
  const folder = folderOf(composeFile);
  const listed = wanted.dotenv !== 'none';
  return {
    module: module.id,
    manifest: module.manifestPath,
    files:
      module.delivery === 'push'
        ? wanted.files.filter((file) => file.source === 'commit').map((file) => file.path)
        : [],
    hostFiles: wanted.files.filter((file) => file.source === 'host' && file.required).map((file) => file.path),
    unlistedDotenv: listed ? null : folder === '' ? '.env' : `${folder}/.env`,
  };
}

async function oneHost(
  world: World,
  platform: Platform,
  name: string,
  modules: readonly ModuleFiles[],
): Promise<Found[]> {
  const config = platform.hosts.get(name);
  if (config === undefined) return [];
  try {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const description = host.describe();
      const asking = questions(modules);
      const before = Math.floor(world.clock.now() / 1000);
      const program = { name: 'check', text: checkProgram, args: [config.remoteRoot] };
      const answered = await host.run(program, new TextEncoder().encode(asking.input), LIMIT);
      const asked = { before, after: Math.ceil(world.clock.now() / 1000) };
      const answer = parseAnswer(new TextDecoder().decode(answered.stdout), name);
      const checks = [connected(name, description), ...hostChecks(config, description, answer, modules, asking, asked)];
      return checks.map((check) => ({ check, exit: EXIT_REMOTE_FAILED }));
    } finally {
      await host.close();
    }
  } catch (error) {
    return [failed('connect', name, error)];
  }
}

function connected(name: string, { transport, address, user, identity, hostKey }: HostDescription): Check {
  const detail =
    transport === 'local'
      ? 'this machine'
      : [`${transport} to ${user}@${address}`, hostKey ? `host key ${hostKey}` : '', identity ? `with ${identity}` : '']
          .filter((part) => part !== '')
          .join(', ');
  return { id: 'connect', host: name, ok: true, detail, fix: null };
}
