/** The `Clock` port: the only place beside wiring where time and chance come in. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../../ports.js';

export function createClock(): Clock {
  let last = 0;
  let counter = 0;
  return {
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    random: () => randomInt(2 ** 47) / 2 ** 47,
    uuid() {
      // RFC 9562: 48 bits of milliseconds, version 7, 12 bits that count within a millisecond (so ids of one process sort), 62 random bits.
      const now = Math.max(Date.now(), last);
      counter = now === last ? counter + 1 : randomInt(1024);
      last = counter > 0xfff ? now + 1 : now;
      if (counter > 0xfff) counter = 0;
      const bytes = randomBytes(16);
      bytes.writeUIntBE(last, 0, 6);
      bytes.writeUInt16BE(0x7000 | counter, 6);
      bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };
}
