import { asPlatformError } from '../errors.js';

/** Writes what this checkout may do without. One that cannot be written, as in CI, is the warning that is returned; null: it is written. Never rejects. */
export async function unlessRefused(what: string, write: () => Promise<void>): Promise<string | null> {
  try {
    await write();
    return null;
  } catch (error) {
    return `${what} was not written in this checkout: ${asPlatformError(error).summary}`;
  }
}
