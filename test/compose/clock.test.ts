import { expect, it } from 'vitest';
import { isClock } from '../../src/compose/rules-paths.js';

it.each([
  ['/etc/localtime', '/usr/share/zoneinfo/Etc/UTC', true],
  ['/etc/localtime', '/etc/zoneinfo/Europe/Berlin', true],
  ['/etc/localtime', '/etc/shadow', false],
  ['/etc/localtime', '/usr/share/zoneinfo/../../../etc/shadow', false],
  ['/etc/passwd', '/usr/share/zoneinfo/Etc/UTC', false],
])('G-7 %s that leads to %s is a clock: %s', (path, leadsTo, clock) => {
  expect(isClock(path, leadsTo)).toBe(clock);
});
