import type { Problem } from '../errors.js';
import { loadPlatform } from '../manifest/load.js';
import type { Platform } from '../manifest/model.js';
import { CONFIG_PATH } from '../manifest/platform.js';

/** config.yaml of the policy ref, alone: `file` is the place that its problems name. */
export function readPlatform(
  bytes: Uint8Array,
  file: string,
): { platform: Platform | null; problems: readonly Problem[] } {
  const { platform, problems } = loadPlatform({
    entries: [{ path: CONFIG_PATH, mode: '100644' }],
    bytes: new Map([[CONFIG_PATH, bytes]]),
  });
  return {
    platform: problems.length > 0 ? null : platform,
    problems: problems.map((problem) => ({ ...problem, file })),
  };
}
