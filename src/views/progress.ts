import type { StepEvent } from '../ports.js';
import { safe } from './style.js';

/** One line a step, for everything that is no terminal: `12:04:09Z immich-server pull     immich-server:v1.136.0, 7 s`. */
export function progressLine(event: StepEvent): string {
  return `${event.time.slice(11)} ${event.module} ${event.step.padEnd(8)} ${event.state === 'failed' ? 'FAILED: ' : ''}${safe(event.detail)}`;
}
