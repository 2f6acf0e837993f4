/** What main says in this process, and this process as it was afterwards. Vitest's own hooks: for files of tests only. */
import { afterEach, beforeEach, vi } from 'vitest';

/** Both channels since the test began, or since they were emptied. */
export const said = { out: '', err: '' };

const text = (written: unknown): string =>
  typeof written === 'string' ? written : new TextDecoder().decode(written as Uint8Array);

/** Takes what is written to both channels, in each test of the file. */
export function hearing(): void {
  beforeEach(() => {
    Object.assign(said, { out: '', err: '' });
    vi.spyOn(process.stdout, 'write').mockImplementation((written) => {
      said.out += text(written);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((written) => {
      said.err += text(written);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    // main sets it for the case that nothing ever settles.
    process.exitCode = undefined;
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      for (const listener of process.listeners(event as never) as (() => void)[])
        if (listener.name === 'crashed') process.off(event, listener);
  });
}
