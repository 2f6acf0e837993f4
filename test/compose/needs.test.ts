import { expect, it } from 'vitest';
import { parseCompose } from '../../src/compose/file.js';
import { neededServices } from '../../src/compose/needs.js';

it('M-9 what compose itself takes for a dependency: depends_on in both notations, namespaces, links, volumes_from', () => {
  const parsed = parseCompose(
    new TextEncoder().encode(`services:
  server: { image: a:1, depends_on: { database: { condition: service_healthy }, migrate: { condition: service_completed_successfully } } }
  migrate: { image: a:1, depends_on: [database] }
  vpn: { image: a:1, network_mode: "service:server", pid: "service:server" }
  old: { image: a:1, links: [database:db, server], volumes_from: ["database:ro"] }
  base: { image: a:1, depends_on: [database] }
  more: { extends: { service: base } }
  database: { image: a:1 }
`),
    'compose.yaml',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(Object.fromEntries(neededServices(parsed.file))).toEqual({
    server: ['database', 'migrate'],
    migrate: ['database'],
    vpn: ['server'],
    old: ['database', 'server'],
    base: ['database'],
    more: ['database'],
    database: [],
  });
});
