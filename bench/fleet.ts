/** one apply for 20 hosts with 5 modules each, against the slowest of the hosts by itself; then the same with a host that dies in the middle. */
import { type Fleet, fleet } from '../test/faults/fleet.js';
import type { Row } from './measure.js';

const HOSTS = 20;
const EACH = 5;
/** Hosts that are timed alone. */
const ALONE = 3;

async function rows(ships: Fleet): Promise<Row[]> {
  const names = ships.lab.hosts.map(({ name }) => name);
  const all = names.flatMap((name) => ships.modules(name));
  const good = async (ids: readonly string[]): Promise<number> => {
    const { exit, seconds, said } = await ships.apply(ids);
    if (exit !== 9) throw new Error(`apply exited ${exit}: ${said.slice(-4000)}`);
    return seconds;
  };
  await ships.want('alone');
  let slowest = 0;
  for (const name of names.slice(0, ALONE)) slowest = Math.max(slowest, await good(ships.modules(name)));
  await ships.want('together');
  const together = await good(all);

  await ships.want('with a dead host', 'host7');
  const dead = await ships.apply(all, 'host7');
  const lies = await ships.lies(dead);
  if (dead.exit !== 15 || lies.length > 0) throw new Error(`exit ${dead.exit}, ${lies.join('\n')}`);
  const tally = (outcome: string): number => dead.results.filter((result) => result.outcome === outcome).length;
  const note = `${HOSTS} sshd and one engine on one machine. With host7 killed in its second module: ${tally('applied')} applied, ${tally('unknown')} unknown, ${tally('skipped')} skipped, exit 15, all ${dead.results.length} results as their hosts say, ${Math.round(dead.seconds)} s (90 s of them trying to reach it again).`;
  return [
    {
      what: `\`apply\` of ${all.length} modules on ${HOSTS} hosts, one call`,
      baseline: `the slowest of ${ALONE} hosts alone, ${EACH} modules`,
      subjectSeconds: together,
      baselineSeconds: slowest,
      runs: 1,
      note,
    },
  ];
}

export async function fleetBench(): Promise<Row[]> {
  const ships = await fleet(HOSTS, EACH);
  try {
    return await rows(ships);
  } finally {
    await ships.dispose();
  }
}
