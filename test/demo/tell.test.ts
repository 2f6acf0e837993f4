import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
// @ts-expect-error plain JavaScript, so that the demo runs before anything is installed
import { teller } from './tell.mjs';

afterEach(() => vi.restoreAllMocks());

describe('what the demo checks', () => {
  it('counts another exit code, and words that were not said, as not expected', async () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const directory = await mkdtemp(join(tmpdir(), 'platformctl-tell-'));
    const told = teller({ directory, env: { PATH: process.env.PATH } });
    await told.platformctl('--version', 9);
    await told.platformctl('--version', 0, { says: ['rolled back'] });
    await told.platformctl('--version', 0);
    await rm(directory, { recursive: true });
    expect(told.checks.map((one: { ok: boolean }) => one.ok)).toEqual([false, true, false, true]);
    expect(written.join('')).toContain('NOT AS EXPECTED: platformctl --version: expected 9, got 0\n');
  });
});
