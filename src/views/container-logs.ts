/** `logs ID --json`: the end of a container's log as one document. */
import type { OutStream } from '../ports.js';
import { afterCut } from '../secret/controls.js';
import { contentOf } from './run-logs.js';

/** Bytes of a log that a document holds, the end of it. */
const CONTENT_MAX = 4 * 1024 * 1024;

export interface Gathered {
  readonly bytes: Uint8Array;
  readonly truncated: boolean;
}

/** Takes a log, and keeps the end, from a line's beginning on. */
export function gather(max = CONTENT_MAX): { readonly stream: OutStream; end(): Gathered } {
  let kept: Uint8Array[] = [];
  let size = 0;
  let truncated = false;
  const cut = (): Uint8Array => {
    const all = Buffer.concat(kept);
    truncated ||= all.length > max;
    kept = [all.subarray(-max)];
    size = kept[0]?.length ?? 0;
    return kept[0] as Uint8Array;
  };
  return {
    stream: {
      write: async (bytes) => {
        kept.push(bytes);
        size += bytes.length;
        if (size > 2 * max) cut();
        return true;
      },
      flush: async () => true,
      end: async () => true,
    },
    end: () => {
      const bytes = cut();
      return { bytes: truncated ? afterCut(bytes) : bytes, truncated };
    },
  };
}

/** schemas/logs-output.schema.json */
export function containerLogsJson(
  logs: Gathered & { readonly module: string; readonly host: string; readonly containerId: string },
  raw: boolean,
): object {
  return {
    schema_version: '1.0',
    exitCode: 0,
    module: logs.module,
    host: logs.host,
    container_id: logs.containerId,
    truncated: logs.truncated,
    content: contentOf(logs.bytes, raw),
  };
}
