/** The options of a line of allowed_signers (ssh-keygen's ALLOWED SIGNERS): `namespaces=`, `valid-after=`, `valid-before=`, and no other. */

/** What is wrong with one line. */
export interface Bad {
  readonly bad: string;
  readonly code: string;
  readonly hint: string;
}

const FORM = 'write: ADDRESS [OPTIONS] KEYTYPE KEY, as in: alice@example.net ssh-ed25519 AAAA...';
export const bad = (message: string, hint = FORM, code = 'PCTL-SIGNERS-LINE'): Bad => ({ bad: message, hint, code });

export interface Options {
  readonly namespaces: readonly string[] | null;
  readonly validAfter: number | null;
  readonly validBefore: number | null;
}

/** The first blank that is in no quotes; -1 where there is none. */
export function endOfOptions(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\' && quoted && text[at + 1] === '"') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ' ' || character === '\t')) return at;
  }
  return -1;
}

export function parseOptions(text: string): Options | Bad {
  const options: { namespaces: string[] | null; validAfter: number | null; validBefore: number | null } = {
    namespaces: null,
    validAfter: null,
    validBefore: null,
  };
  let rest = text;
  while (rest !== '') {
    const [whole, written, value] = /^([A-Za-z-]+)(?:="((?:[^"\\]|\\.)*)")?(?:,|$)/.exec(rest) ?? [];
    if (whole === undefined || written === undefined) return bad(`options cannot be read: ${show(rest)}`);
    rest = rest.slice(whole.length);
    const name = written.toLowerCase();
    if (name === 'cert-authority') {
      return bad(
        'cert-authority is not accepted: it would let in whoever the authority signs',
        'name the keys',
        'PCTL-SIGNERS-CERTIFICATE',
      );
    }
    if (value === undefined) return bad(`unknown option: ${show(written)}`);
    if (name === 'namespaces') {
      if (options.namespaces) return bad('namespaces= stands twice');
      options.namespaces = value.split(',');
    } else if (name === 'valid-after' || name === 'valid-before') {
      const field = name === 'valid-after' ? 'validAfter' : 'validBefore';
      const time = parseTime(value);
      if (time === null) return bad(`${name} is no time: ${show(value)}`, 'write YYYYMMDD or YYYYMMDDHHMMSSZ');
      if (options[field] !== null) return bad(`${name}= stands twice`);
      options[field] = time;
    } else {
      return bad(`unknown option: ${show(written)}`);
    }
  }
  if (options.validAfter !== null && options.validBefore !== null && options.validBefore <= options.validAfter) {
    return bad('valid-before is not after valid-after');
  }
  return options;
}

/** `YYYYMMDD[HHMM[SS]][Z]` in milliseconds since 1970; null where it is no such time. */
function parseTime(text: string): number | null {
  const [, year, month, day, hour = '00', minute = '00', second = '00'] =
    /^([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?Z?$/.exec(text) ?? [];
  if (!year || !month || !day) return null;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  return Number.isNaN(time) || new Date(time).toISOString() !== iso ? null : time;
}

/** Text of the file as it may stand in a message. */
export function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
