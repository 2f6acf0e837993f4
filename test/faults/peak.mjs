/** Loaded into a process of a test: at its end it tells the most memory that it ever had, in bytes. */
import { writeFileSync } from 'node:fs';

process.on('exit', () => writeFileSync(process.env.PEAK_FILE, `${process.resourceUsage().maxRSS * 1024}`));
