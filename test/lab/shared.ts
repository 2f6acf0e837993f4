/** The one lab that all `*.lab.test.ts` files share: two hosts, compose 2.26. */
import { inject } from 'vitest';
import { type Lab, labFrom } from './lab.js';

/** Its `stop` does nothing: the run that started it stops it. Whoever needs another compose version or restarts things starts a lab of its own. */
export const sharedLab = (): Lab => labFrom(inject('lab'), false);
