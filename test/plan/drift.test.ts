/** P-11: what of a changed `.env` is drift. */
import { describe, expect, it } from 'vitest';
import { driftOf } from '../../src/plan/drift.js';
import { parsed } from '../compose/setup.js';
import { observationFixture, statusFixture } from '../fixtures/plans.js';

const hex = (letter: string): string => letter.repeat(64);

/** Reasons after somebody changed the `.env` on the host, where compose gives the service the same definition as then. */
function drift(compose: string): readonly string[] {
  const dotenv = {
    path: 'core/.env',
    source: 'host' as const,
    role: 'dotenv',
    sha256: null,
    keyed: hex('1'),
    mode: null,
  };
  const status = statusFixture();
  const observation = observationFixture();
  const files = new Map([
    ...observation.files,
    ['core/.env', { kind: 'file' as const, mode: '0644', uid: 1000, digest: hex('2'), keyed: null }],
  ]);
  return driftOf(
    { ...status, files: [...status.files, dotenv as never] },
    { ...observation, files },
    { onHost: 'as applied', applied: parsed(compose, 'core/compose.yaml'), hashNow: status.definition_hash ?? null },
    'push',
  ).changes.flatMap((change) => change.reasons);
}

const service = (more: string): string => `services:\n  web:\n    image: lab/busybox:1\n${more}`;

describe('P-11 a changed .env', () => {
  it.each([
    ['as it is', '.env'],
    ['with a slash too many', './/.env'],
    ['by way of the folder above', '../core/.env'],
    ['by a variable, which may say so', `\${ENV_FILE:-app.env}`],
  ])('is drift of a service that names it %s', (_how, path) => {
    expect(drift(service(`    env_file: ${path}\n`))).toEqual(['env file changed: .env']);
  });

  it.each([
    ['mounts it', 'volumes: ["./.env:/env:ro"]'],
    ['mounts its folder', 'volumes: [".:/app"]'],
    ['mounts what a variable says', `volumes: ["./\${NAME:-x}:/app"]`],
  ])('is drift of a service that %s', (_how, line) => {
    expect(drift(service(`    ${line}\n`))).toEqual(['env file changed: .env']);
  });

  it('is drift of a service whose network takes its name from it', () => {
    const text = `${service('    networks: [proxy]\n')}networks: { proxy: { external: true, name: "\${NET}" } }\n`;
    expect(drift(text)).toEqual(['env file changed: .env']);
  });

  it.each([
    ['names another one', 'env_file: app.env'],
    ['names that of another folder', 'env_file: sub/.env'],
    ['takes nothing from it', 'hostname: web'],
  ])('is none of a service that %s', (_how, line) => {
    expect(drift(service(`    ${line}\n`))).toEqual([]);
  });
});
