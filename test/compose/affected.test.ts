import { expect, it } from 'vitest';
import { landlordsOf } from '../../src/compose/affected.js';

it('P-14 in whose namespaces a service lives is what the host made of it, so a variable hides nobody', () => {
  expect(landlordsOf({ service: { image: 'a:1', network_mode: 'service:vpn', pid: 'service:app' } })).toEqual([
    'app',
    'vpn',
  ]);
  expect(landlordsOf({ service: { network_mode: 'host', pid: 'host' } })).toEqual([]);
  expect(landlordsOf({})).toEqual([]);
});
