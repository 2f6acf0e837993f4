/** At most `count` at once, first come first served. */
export interface Slots {
  /** Resolves with the function that frees the slot (calling it again does nothing). `signal` leaves the queue. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = (): (() => void) => {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      const next = waiting.shift();
      if (next) next();
      else free++;
    };
  };
  return {
    take(signal) {
      if (free > 0) {
        free--;
        return Promise.resolve(release());
      }
      return new Promise((resolve, reject) => {
        const go = (): void => resolve(release());
        waiting.push(go);
        signal.addEventListener('abort', () => {
          const at = waiting.indexOf(go);
          if (at < 0) return;
          waiting.splice(at, 1);
          reject(signal.reason);
        });
      });
    },
  };
}
