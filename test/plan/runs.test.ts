import { expect, it } from 'vitest';
import { type Container, runsOf } from '../../src/plan/observation.js';

const status = (id: string | null) => ({ plan_digest: 'd', image: { reference: 'x:1', id } });
const of = (...images: string[]) => images.map((image) => ({ image }) as Container);

it.each([
  ['the applied image', status('sha256:a'), of('sha256:a'), 'applied'],
  ['somebody made it anew from another one', status('sha256:a'), of('sha256:b'), 'other'],
  ['nothing is there', status('sha256:a'), [], 'none'],
  ['several are there', status('sha256:a'), of('sha256:a', 'sha256:a'), 'none'],
  ['a status without the id', status(null), of('sha256:a'), 'applied'],
  ['never applied', null, of('sha256:a'), null],
  ['removed', { plan_digest: null, image: null }, of('sha256:a'), null],
] as const)('R-1 what runs: %s', (_, status, containers, runs) => {
  expect(runsOf(status, containers)).toBe(runs);
});
