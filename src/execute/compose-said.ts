/** What a failed docker compose wrote to stderr, as it may be shown. */

/** As much of stderr as talk.sh hands over: what is that long may have lost its beginning. */
const WHOLE_BYTES = 8192;

/**
 * Of an env file that it cannot read compose quotes the line, or all that follows a quote that never closes: a host's password (M-8). Which file and which line is
 * enough to find it.
 */
export function composeSaid(stderr: string): string {
  const text = stderr.trim();
  if (Buffer.byteLength(stderr) >= WHOLE_BYTES) return 'it said more than can be shown';
  const match = /failed to (?:read|load|parse) ([^\n]*?):(?: (line \d+):|\s)/i.exec(text);
  if (!match) return text;
  const [, path, line] = match;
  const place = line === undefined ? path : `${path}, ${line}`;
  return `${text.slice(0, match.index)}${place} cannot be read as an env file; what stands there is not shown`;
}
