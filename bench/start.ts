/** C-6: `--version` and completion are near the cost of starting Node itself. */
import { compare, type Row, time } from './measure.js';

const node = (...args: string[]) => time({ program: process.execPath, args });

export const start = async (): Promise<Row[]> => [
  await compare(
    { what: '`platformctl --version`', baseline: '`node -e 0`' },
    21,
    () => node('bin/platformctl.js', '--version'),
    () => node('-e', '0'),
  ),
  await compare(
    { what: 'a completion', baseline: '`node -e 0`' },
    21,
    () => node('bin/platformctl.js', '__complete', 'plan', 'h'),
    () => node('-e', '0'),
  ),
  await compare(
    { what: '`platformctl help`', baseline: '`node -e 0`' },
    21,
    () => node('bin/platformctl.js', 'help'),
    () => node('-e', '0'),
  ),
];
