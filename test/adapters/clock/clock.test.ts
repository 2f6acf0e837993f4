import { describe, expect, it } from 'vitest';
import { createClock } from '../../../src/adapters/clock/clock.js';
import { shortRun } from '../../../src/run-id.js';

describe('clock', () => {
  it('uuid is version 7 of now, and ids of one process sort as they were made', () => {
    const clock = createClock();
    const ids = Array.from({ length: 20_000 }, () => clock.uuid());
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids.map(shortRun)).size, 'what people see of it').toBe(ids.length);
    const ms = Number.parseInt((ids[0] as string).replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(ms - Date.now())).toBeLessThan(60_000);
  });

  it('random is in [0, 1)', () => {
    const clock = createClock();
    for (let i = 0; i < 1000; i++) {
      const n = clock.random();
      expect(n >= 0 && n < 1).toBe(true);
    }
  });
});
