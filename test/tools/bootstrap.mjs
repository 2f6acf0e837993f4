/** What `npm test` and `npm run demo` do first on a fresh clone, and last. Plain Node: nothing is installed yet. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Why it cannot go on, for a person: no stack. */
export class Unable extends Error {}

function run(command, args) {
  // To stderr: stdout is what the tests or the demo say.
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', process.stderr, 'inherit'] });
  if (status !== 0) throw new Unable(`${command} ${args.join(' ')} ${error ? error.message : `exited ${status}`}`);
}

/** npm packages, where node_modules is older than the lock file. @throws Unable */
export function installPackages(say) {
  if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
    say('installing npm packages');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
}

/** @throws Unable */
export function build(say) {
  say('building');
  run(process.execPath, ['test/tools/build.mjs']);
}

/** Not where dist/ is newer than every source: others may be running it. @throws Unable */
export function buildIfOlder(say) {
  const newest = Math.max(...readdirSync('src', { recursive: true }).map((name) => modified(`src/${name}`)));
  if (modified('dist/main.js') < newest) build(say);
}

/** What a lab would need and this machine neither has nor may install, a line each; null: there can be one. */
export function labMissing() {
  const { status, stdout } = spawnSync('bash', ['test/lab/lab.sh', 'need'], { stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? null : `${stdout ?? 'bash'}`.trimEnd();
}

/** Stops every lab that was started with PLATFORMCTL_LAB_OWNER=owner. */
export function stopLabs(owner) {
  spawnSync('bash', ['test/lab/lab.sh', 'stop-owned', owner], { stdio: ['ignore', 'inherit', 'inherit'] });
}
