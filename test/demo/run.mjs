/**
 * `npm run demo [-- --local]`: platformctl on a throwaway repo and a real host, also on a fresh clone. Installs what is missing where it may
 * (npm packages; as root on Debian an sshd, a Docker engine), shows each command with its real output, checks every exit code itself,
 * removes what it made, and ends with a summary. Exit 0: all was as expected. Without root on Debian, or with --local: transport local.
 */
import { fileURLToPath } from 'node:url';
import { buildIfOlder, installPackages, Unable } from '../tools/bootstrap.mjs';
import { play } from './story.mjs';
import { openSurroundings } from './surroundings.mjs';
import { teller } from './tell.mjs';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
const OWNER = `demo-${process.pid}-${Date.now()}`;
const say = (text) => console.error(`demo: ${text}`);

async function demo(local) {
  installPackages(say);
  buildIfOlder(say);
  const place = await openSurroundings({ local, owner: OWNER, say });
  // What was started is stopped, whatever ends the demo.
  const leave = () => {
    place.close();
    process.exit(130);
  };
  process.on('SIGINT', leave).on('SIGTERM', leave);
  const started = Date.now();
  const told = teller({ directory: place.repo, env: place.env });
  try {
    await play(place, told);
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave);
    say('removing the host, the repo and the containers');
    place.close();
  }
  return { checks: told.checks, leftOut: place.leftOut, seconds: Math.round((Date.now() - started) / 1000) };
}

function summary({ checks, leftOut, seconds }) {
  const bad = checks.filter((one) => !one.ok);
  const commands = checks.filter((one) => typeof one.wanted === 'number');
  console.log('\n\n== Summary\n');
  for (const { what, wanted, got, ok } of commands) {
    console.log(`  ${ok ? 'ok ' : 'BAD'}  exit ${`${got}`.padEnd(3)} ${what}${ok ? '' : `   (expected ${wanted})`}`);
  }
  for (const { what, wanted, got } of bad.filter((one) => typeof one.wanted !== 'number')) {
    console.log(`  BAD  ${what}: expected ${wanted}, got ${got}`);
  }
  if (leftOut !== null) console.log(`\nleft out: ${leftOut}`);
  console.log(
    `\ndemo: ${checks.length - bad.length} of ${checks.length} checks as expected, ${commands.length} commands, ${seconds} s`,
  );
  return bad.length === 0 ? 0 : 1;
}

try {
  process.exitCode = summary(await demo(process.argv.includes('--local')));
} catch (error) {
  if (!(error instanceof Unable)) throw error;
  say(error.message);
  process.exitCode = 1;
}
