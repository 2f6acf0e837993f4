/** `Host.talk` over any transport: bytes in, bytes out, every wait with a deadline. */
import type { Conversation, Limit } from '../ports.js';
import {
  DUPLEX_BOUNDS,
  type Duplex,
  type DuplexBounds,
  feed,
  flood,
  lost,
  settled,
  silent,
  tail,
  within,
} from './duplex.js';

/** Bytes that `sayMs` is for. */
const SAID_AT_ONCE = 1024 * 1024;

/** A conversation over a running program. A deadline that passes in `line` or `bytes` does not stop the program; one in `end` does. */
export function talkOver(duplex: Duplex, host: string, bounds: DuplexBounds = DUPLEX_BOUNDS): Conversation {
  const stderr = tail(duplex.errors, bounds.lineBytes);
  const gone = duplex.closed.then(() => false as const);
  const heard = hearing(duplex);
  let saying: Promise<void> = Promise.resolve();
  duplex.input.on('error', () => {});

  /** Waits until `take` is content with what is there; at the deadline what was read stays for the next call. */
  function until<T>(limit: Limit, wanted: number, take: () => T | null): Promise<T> {
    const reading = (async () => {
      for (;;) {
        const taken = take();
        if (taken !== null) return taken;
        if (!(await heard.more(wanted))) throw lost(host, limit.step, 'the program ended before it had answered');
      }
    })();
    return within(reading, limit.ms, () => {
      heard.giveUp();
      return silent(host, limit);
    });
  }

  return {
    say(bytes) {
      const limit = { ms: bounds.sayMs * Math.max(1, Math.ceil(bytes.length / SAID_AT_ONCE)), step: 'say' };
      const next = saying.then(async () => {
        const taken = await within(feed(duplex, bytes, gone), limit.ms, () => silent(host, limit));
        if (!taken) throw lost(host, limit.step, 'the program ended before it had taken its input');
      });
      // What follows half a message would be taken for its rest: nothing is said any more.
      saying = next;
      next.catch(() => {});
      return next;
    },

    line: (limit) =>
      until(limit, bounds.lineBytes, () => {
        const at = heard.find(0x0a);
        if (at > bounds.lineBytes || (at < 0 && heard.size() > bounds.lineBytes)) {
          throw flood(host, limit.step, bounds.lineBytes);
        }
        return at < 0
          ? null
          : heard
              .take(at + 1)
              .subarray(0, at)
              .toString('utf8');
      }),

    async bytes(n, limit) {
      if (n > bounds.stdoutBytes) throw flood(host, limit.step, bounds.stdoutBytes);
      return until(limit, n, () => (heard.size() < n ? null : heard.take(n)));
    },

    async more(limit) {
      const came =
        heard.size() > 0 ||
        (await within(heard.more(1), limit.ms, () => silent(host, limit)).catch(() => {
          heard.giveUp();
          return null;
        }));
      return came === false ? null : heard.take(heard.size());
    },

    async end(limit) {
      duplex.input.end();
      heard.discard();
      try {
        const end = await within(settled(duplex, bounds), limit.ms, () => silent(host, limit));
        if (end !== 'lingers') return end.code;
        duplex.stop();
        return null;
      } catch (error) {
        duplex.stop();
        throw error;
      }
    },

    stderr: () => stderr(),
  };
}

/** Bytes that were heard and not yet taken. The stream is paused while there are more than are wanted, so that a flood is held by back-pressure. */
function hearing(duplex: Duplex) {
  const high = 1024 * 1024;
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = 0;
  let over = false;
  let discarding = false;
  let wake = (): void => {};
  const join = (): Buffer => {
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
    return chunks[0] ?? Buffer.alloc(0);
  };
  const finish = (): void => {
    over = true;
    wake();
  };
  duplex.output.on('data', (chunk: Buffer) => {
    if (discarding) return;
    chunks.push(chunk);
    size += chunk.length;
    if (size > high && size >= wanted) duplex.output.pause();
    wake();
  });
  duplex.output.on('end', finish);
  duplex.output.on('error', finish);
  void duplex.closed.then((end) => end.lost && finish());

  return {
    size: () => size,
    find: (byte: number): number => join().indexOf(byte),
    take(n: number): Buffer {
      const all = join();
      chunks = n < size ? [all.subarray(n)] : [];
      size -= n;
      return all.subarray(0, n);
    },
    /** true: more bytes came; false: none will. */
    async more(want: number): Promise<boolean> {
      const before = size;
      wanted = want;
      duplex.output.resume();
      while (size === before && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return size > before;
    },
    /** Forgets who waits; what comes is kept for the next. */
    giveUp(): void {
      wake = () => {};
    },
    discard(): void {
      discarding = true;
      chunks = [];
      size = 0;
      duplex.output.resume();
    },
  };
}
