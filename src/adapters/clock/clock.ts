/** The `Clock` port: the only place beside wiring where time and chance come in. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../../ports.js';

export function createClock(): Clock {
  let last = 0;
  return {
    now: () => Date.now(),
    sleep: (ms, over) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          over?.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, over?.aborted ? 0 : ms);
        over?.addEventListener('abort', done);
      }),
    random: () => randomInt(2 ** 47) / 2 ** 47,
    uuid() {
      // RFC 9562, version 7. Every id of a process has a millisecond of its own, so that they sort and their beginnings tell them apart.
      last = Math.max(Date.now(), last + 1);
      const bytes = randomBytes(16);
      bytes.writeUIntBE(last, 0, 6);
      bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
      bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };
}
