/** R-6's attacks: what was changed, removed, cut or swapped in an audit chain is found, on the host and in the checkout, from either of two checkouts of one host. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Checkout, secondCheckout } from '../accept/checkout.js';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import { apply, change } from './scene.js';

const lab = sharedLab();
const PHASE = { PLATFORMCTL_PHASE: '05' };
let on: Stage;
let second: Checkout;
type Machine = Pick<Checkout, 'platformctl'>;

beforeAll(async () => {
  on = await stage(lab);
  await on.module('web', { compose: { services: { web: IDLE } } });
  await on.module('api', { compose: { services: { api: IDLE } } });
  const first = await change(on, 'web');
  expect(first.exit, first.said).toBe(9);
  second = await secondCheckout(on);
  await ship(second, 'api');
  // Applied twice: refused as stale under the lock, a line in the chain and in no status.
  const spent = await apply(on, 'web');
  expect([spent.exit, spent.result?.outcome]).toEqual([8, 'stale']);
});
afterAll(async () => {
  await second?.dispose();
  await on.dispose();
});

async function ship(machine: Machine, id: string): Promise<void> {
  for (const [args, exit] of [
    [['plan', id], 1],
    [['approve', id], 0],
    [['apply', id], 9],
  ] as const) {
    const done = await machine.platformctl(args, { env: PHASE });
    expect(done.exit, done.stdout + done.stderr).toBe(exit);
  }
}

/** Codes of what `audit verify` finds, each once. */
async function verify(machine: Machine, ...args: string[]): Promise<string[]> {
  const { exit, stdout, stderr } = await machine.platformctl(['audit', 'verify', '--json', ...args]);
  const data = JSON.parse(stdout) as { ok: boolean; problems: { code: string }[] };
  expect([exit, data.ok], stdout + stderr).toEqual(data.problems.length === 0 ? [0, true] : [2, false]);
  return [...new Set(data.problems.map(({ code }) => code.replace('PCTL-AUDIT-', '')))].sort();
}
const onHost = (machine: Machine) => verify(machine, '--host', 'host1');

const hostChain = (): string => `${on.repo.remoteRoot()}/.platform/state/audit.jsonl`;

/** A chain attacked, looked at, and put back. */
async function attacked(file: string, attack: (lines: string[]) => string[], look: () => Promise<void>): Promise<void> {
  const before = await readFile(file);
  const lines = before.toString().trimEnd().split('\n');
  try {
    await writeFile(
      file,
      attack([...lines])
        .map((line) => `${line}\n`)
        .join(''),
    );
    await look();
  } finally {
    await writeFile(file, before);
  }
}

const swapped = (lines: string[], a: number, b: number): string[] =>
  lines.map((line, index) => (index === a ? lines[b] : index === b ? lines[a] : line) as string);

const ATTACKS: readonly (readonly [name: string, attack: (lines: string[]) => string[], found: readonly string[]])[] = [
  ['a changed byte', (l) => l.with(1, (l[1] as string).replace('"who":"', '"who":"x')), ['HASH']],
  ['a changed byte of the first line', (l) => l.with(0, (l[0] as string).replace('web', 'wob')), ['HASH']],
  [
    'an outcome that is another',
    (l) => l.with(-1, (l.at(-1) as string).replace(/"outcome":"\w+"/, '"outcome":"ok"')),
    ['HASH'],
  ],
  ['a removed line', (l) => l.toSpliced(1, 1), ['PREV', 'SEQ']],
  ['a removed first line', (l) => l.slice(1), ['PREV', 'SEQ']],
  ['two swapped lines', (l) => swapped(l, 1, 2), ['PREV', 'SEQ']],
  ['the last two swapped', (l) => swapped(l, l.length - 2, l.length - 1), ['PREV', 'SEQ']],
  ['a line twice', (l) => l.toSpliced(1, 0, l[1] as string), ['PREV', 'SEQ']],
  ['a line of somebody else', (l) => [...l, 'nothing'], ['LINE']],
];

describe('on the host', () => {
  it('nothing was done to it: nothing is found, from either checkout', async () => {
    expect(await onHost(on.repo)).toEqual([]);
    expect(await onHost(second)).toEqual([]);
    expect((await readFile(hostChain(), 'utf8')).trimEnd().split('\n')).toHaveLength(5);
  });

  it.each(ATTACKS)('%s', async (_, attack, found) => {
    await attacked(hostChain(), attack, async () => {
      expect(await onHost(on.repo)).toEqual(found);
      expect(await onHost(second)).toEqual(found);
    });
  });

  it.each([
    ['the last line, which no status knows', 1],
    ['the last three', 3],
    ['all of it', 5],
  ])('a cut tail: %s', async (_, lines) => {
    await attacked(
      hostChain(),
      (all) => all.slice(0, all.length - lines),
      async () => {
        expect(await onHost(on.repo)).toEqual(['CUT']);
        expect(await onHost(second)).toEqual(['CUT']);
      },
    );
  });

  it('a cut tail that somebody wrote over since', async () => {
    const before = await readFile(hostChain());
    const cut = before.toString().trimEnd().split('\n').slice(0, -1);
    await writeFile(hostChain(), `${cut.join('\n')}\n`);
    const again = await apply(on, 'web');
    expect(again.exit).toBe(8);
    expect(await onHost(on.repo)).toEqual(['HEAD']);
    await writeFile(hostChain(), before);
    expect(await onHost(on.repo)).toEqual([]);
  });

  it('a host set back to an earlier state as a whole, from the checkout that saw the later one', async () => {
    const state = `${on.repo.remoteRoot()}/.platform/state`;
    const copy = (from: string, to: string) =>
      on.onHost('host1', `rm -rf ${state}${to} && cp -a ${state}${from} ${state}${to}`);
    await copy('', '.before');
    await on.module('web', { compose: { services: { web: { ...IDLE, labels: { later: 'yes' } } } } });
    expect((await change(on, 'web')).exit).toBe(9);
    await copy('', '.after');
    await copy('.before', '');
    // Whatever looks writes its mirror anew; what was seen stays seen.
    await on.repo.platformctl(['status']);
    expect(await onHost(on.repo)).toEqual(['CUT']);
    expect(await onHost(second)).toEqual([]);
    await copy('.after', '');
    expect(await onHost(on.repo)).toEqual([]);
    await on.onHost('host1', `rm -r ${state}.before ${state}.after`);
  });

  it('a chain rewritten as a whole, hashes and all', async () => {
    const { auditLine } = await import('../../src/state/audit.js');
    const rewritten = (lines: string[]): string[] => {
      const made: string[] = [];
      for (const line of lines) {
        const { seq: _seq, time, prev: _prev, hash: _hash, ...entry } = JSON.parse(line);
        made.push(auditLine(made.at(-1) ?? null, time, { ...entry, who: 'nobody@nowhere' }));
      }
      return made;
    };
    await attacked(hostChain(), rewritten, async () => {
      expect(await onHost(on.repo)).toEqual(['HEAD']);
      expect(await onHost(second)).toEqual(['HEAD']);
    });
  });
});

describe('in the checkout', () => {
  const chain = (): string => `${on.repo.dir}/.platform/state/audit.jsonl`;

  it('each has its own, and nothing is found in either', async () => {
    expect(await verify(on.repo)).toEqual([]);
    expect(await verify(second)).toEqual([]);
    expect(await readFile(chain(), 'utf8')).not.toBe(
      await readFile(`${second.dir}/.platform/state/audit.jsonl`, 'utf8'),
    );
  });

  it.each(ATTACKS)('%s', async (_, attack, found) => {
    await attacked(chain(), attack, async () => expect(await verify(on.repo)).toEqual(found));
  });

  it.each([1, 2, 100])('a cut tail of %i lines, and the next run changes nothing about it', async (lines) => {
    await attacked(
      chain(),
      (all) => all.slice(0, Math.max(0, all.length - lines)),
      async () => {
        expect(await verify(on.repo)).toEqual(['CUT']);
        expect((await apply(on, 'web')).exit).toBe(8);
        expect(await verify(on.repo)).toEqual([lines === 1 ? 'HEAD' : 'CUT']);
      },
    );
  });

  it('a checkout without a state, as in CI, has no chain and no problem', async () => {
    const fresh = await secondCheckout(on);
    expect(await verify(fresh)).toEqual([]);
    expect(await onHost(fresh)).toEqual([]);
    await fresh.dispose();
  });
});

it('a host that is not in the config: 4', async () => {
  expect((await on.repo.platformctl(['audit', 'verify', '--host', 'nowhere'])).exit).toBe(4);
});
