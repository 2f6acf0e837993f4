/** Every shape of a compose file on both versions of compose: applied is applied, and each single change is told, made, and seen by the running container. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComposeVersion, type Lab, startLab } from '../lab/lab.js';
import { AFTER, BEFORE, movingImage, SHAPES, type Shape } from './compose-shapes.js';
import { inParallel, type Planned, type Shipped, type Stage, stage } from './stage.js';

/** Which host has which version. */
const VERSIONS: readonly { readonly version: ComposeVersion; readonly host: string; readonly suffix: string }[] = [
  { version: '2.26', host: 'host1', suffix: 'old' },
  { version: '2.40', host: 'host2', suffix: 'new' },
];

interface Case {
  readonly id: string;
  readonly shape: Shape;
  readonly version: ComposeVersion;
  readonly host: string;
}

const CASES: readonly Case[] = VERSIONS.flatMap(({ version, host, suffix }) =>
  SHAPES.map((shape) => ({ id: `${shape.name}-${suffix}`, shape, version, host })),
);
const IDS = CASES.map(({ id }) => id);
/** `network_mode: service:server` needs the server: a module of the same compose file. */
const SERVERS = VERSIONS.map(({ suffix, host }) => ({ id: `server-${suffix}`, of: `namespace-${suffix}`, host }));

let lab: Lab;
let on: Stage;
/** What each container told and was, by module. */
interface Seen {
  readonly container: string;
  readonly told: string;
}

const folderOf = (one: Case): string => `${on.repo.remoteRoot(one.host)}/modules/${one.id}`;
const toldIn = ({ shape }: Case, after: boolean): string =>
  shape.told ? shape.told[after ? 1 : 0] : after ? AFTER : BEFORE;

async function write(one: Case, value: string): Promise<void> {
  const { id, shape, host } = one;
  const files = Object.keys(shape.hostFiles?.(value) ?? {});
  await on.module(id, {
    host,
    compose: shape.compose(value, `${on.repo.id}-${id}`),
    runtime: { compose_service: 'app', ...(files.length > 0 ? { host_files: files } : {}) },
    ...(shape.spec ? { spec: shape.spec } : {}),
  });
  for (const [path, text] of Object.entries(shape.files?.(value) ?? {}))
    await on.repo.write(`modules/${id}/${path}`, text);
}

async function putHostFiles(one: Case, value: string): Promise<void> {
  for (const [path, text] of Object.entries(one.shape.hostFiles?.(value) ?? {}))
    await on.onHost(one.host, `mkdir -p ${folderOf(one)} && cat >${folderOf(one)}/${path}`, text);
}

async function lookAt({ id, shape }: Case): Promise<Seen> {
  const container = await on.container(on.project(id), 'app');
  const told = shape.read
    ? await on.inside(id, ...shape.read)
    : await lab.docker('inspect', '--format', shape.inspect as string, container);
  return { container, told };
}

async function look(): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  await inParallel(CASES, async (one) => {
    // What cannot be told fails the test of its own case only.
    seen.set(one.id, await lookAt(one).catch((error: Error) => ({ container: 'none', told: error.message })));
  });
  return seen;
}

beforeAll(async () => {
  lab = await startLab({ hosts: 2 });
  await lab.setCompose('host2', '2.40');
  on = await stage(lab);
  for (const one of CASES) {
    await write(one, BEFORE);
    await putHostFiles(one, BEFORE);
    if (one.shape.name === 'profiles') await lab.docker('tag', 'lab/busybox:1', movingImage(`${on.repo.id}-${one.id}`));
  }
  for (const { id, of, host } of SERVERS) {
    await on.module(id, {
      host,
      composeFile: `modules/${of}/compose.yaml`,
      runtime: { compose_service: 'server', project: on.project(of) },
    });
  }
  // An .env without secrets belongs into the commit: the repo's own .gitignore keeps others out.
  await on.repo.write('.gitignore', '.platform/state/\n');
  await on.repo.publish('Every shape');
});

afterAll(async () => {
  await on.dispose();
  for (const { suffix } of VERSIONS)
    await lab.docker('rmi', movingImage(`${on.repo.id}-profiles-${suffix}`)).catch(() => undefined);
  await lab.stop();
});

describe('X-1, P-6 apply, then plan', () => {
  let first: Shipped;
  let again: Planned;
  let seen: Map<string, Seen>;
  beforeAll(async () => {
    const servers = await on.ship(...SERVERS.map(({ id }) => id));
    expect([...servers.applied.values()].map(({ exit }) => exit)).toEqual([9, 9]);
    first = await on.ship(...IDS);
    again = await on.plan();
    seen = await look();
  });

  it.each(CASES)('$version $shape.name: applied, exit 9, and the container has what it was given', (one) => {
    expect(first.planned.errors.filter(({ module }) => module === one.id)).toEqual([]);
    expect(on.action(first.planned, one.id)).toBe('create');
    expect(first.applied.get(one.id)).toMatchObject({ exit: 9, outcome: 'applied' });
    expect(seen.get(one.id)?.told).toBe(toldIn(one, false));
  });

  it.each(CASES)('$version $shape.name: then there is nothing to do, and no reason', ({ id }) => {
    expect(again.plans.get(id)?.changes).toEqual([{ target: 'compose.service.app', action: 'none', reasons: [] }]);
  });

  it('ends 0', () => {
    expect(again.errors).toEqual([]);
    expect(again.exit).toBe(0);
  });

  it('P-6 compose is upgraded on a host: still nothing to do, nothing is recreated; and back', async () => {
    const old = CASES.filter(({ version }) => version === '2.26').map(({ id }) => id);
    const versions: string[] = [];
    for (const version of ['2.40', '2.26'] as const) {
      await lab.setCompose('host1', version);
      const planned = await on.plan(...old);
      expect(old.map((id) => [id, on.reasons(planned, id)]).filter(([, reasons]) => reasons?.length !== 0)).toEqual([]);
      expect(planned.exit).toBe(0);
      versions.push(String(planned.plans.get('plain-old')?.observed?.identity.compose_version));
      expect(await on.apply('depends-on-old')).toMatchObject({ exit: 0, outcome: 'no_changes' });
    }
    expect(versions).toEqual([lab.compose_versions['2.40'], lab.compose_versions['2.26']]);
    expect(await look()).toEqual(seen);
  });
});

describe('P-5 observing a host', () => {
  const logins = async (): Promise<number> =>
    (await readFile(`${dirname(lab.host('host1').docker_config)}/sshd.log`, 'utf8')).match(/Accepted publickey/g)
      ?.length ?? 0;
  const cost = async (...ids: string[]): Promise<number> => {
    const before = await logins();
    expect((await on.plan(...ids)).plans.size).toBe(ids.length);
    return (await logins()) - before;
  };

  it('costs one connection, for one module and for ten', async () => {
    const ten = CASES.filter(({ host }) => host === 'host1')
      .map(({ id }) => id)
      .slice(0, 10);
    expect(await cost('plain-old')).toBe(1);
    expect(await cost(...ten)).toBe(1);
  });
});

describe('P-4, X-2 one single change', () => {
  let before: Map<string, Seen>;
  let changed: Shipped;
  let after: Map<string, Seen>;
  let again: Planned;
  let text: string;
  beforeAll(async () => {
    before = await look();
    for (const one of CASES) {
      await write(one, AFTER);
      await putHostFiles(one, AFTER);
      const byHand = one.shape.byHand?.(on.project(one.id), folderOf(one));
      if (byHand) await on.onHost(one.host, byHand);
    }
    await on.repo.publish('One change in each');
    text = (await on.repo.platformctl(['plan', '--full'])).stdout;
    changed = await on.ship(...IDS);
    again = await on.plan();
    after = await look();
  });

  it.each(CASES)('$version $shape.name: $shape.change gives exactly its reason', ({ id, shape }) => {
    expect(changed.planned.errors.filter(({ module }) => module === id)).toEqual([]);
    expect(on.reasons(changed.planned, id)).toEqual(shape.reasons);
    expect(on.action(changed.planned, id)).toBe(shape.action ?? 'update');
    // The name of what changed stands in the text for people as well.
    expect(text).toContain(shape.reasons[0]?.split(': ').at(-1));
  });

  it.each(CASES)('$version $shape.name: $shape.change reaches the running container', (one) => {
    expect(changed.applied.get(one.id)).toMatchObject({ exit: 9, outcome: 'applied' });
    expect(after.get(one.id)?.told).toBe(toldIn(one, true));
    const same = after.get(one.id)?.container === before.get(one.id)?.container;
    expect(same).toBe(one.shape.action === 'start');
  });

  it.each(CASES)('$version $shape.name: then there is nothing to do', ({ id }) => {
    expect(on.reasons(again, id)).toEqual([]);
    expect(on.action(again, id)).toBe('none');
  });

  it('P-4 no plan, on any channel, holds a value', () => {
    for (const value of [BEFORE, AFTER]) {
      expect(text).not.toContain(value);
      expect(changed.planned.said).not.toContain(value);
    }
  });
});
