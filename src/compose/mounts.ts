/** Compose's two notations for one mount, read into one form. The short one is taken apart as compose does it, and refused where compose would guess. */
import type { Json } from './model.js';
import { isMap, type JsonMap, member, scalarText } from './values.js';
import { isOpen } from './variables.js';

export interface Mount {
  /** `bind`, `volume`, `tmpfs`, or what else the text says; may hold OPEN. */
  readonly type: string;
  /** As written, masked; null: anonymous, or none. */
  readonly source: string | null;
  readonly target: string;
  /** null: decided on the host. */
  readonly readOnly: boolean | null;
  readonly propagation: string | null;
  /** Of the long notation, `volume.x` for nested ones. */
  readonly keys: readonly string[];
}

/** `open`: even the form is decided on the host. */
export type ReadMount = Mount | { readonly open: true } | { readonly bad: string };

const PROPAGATIONS = new Set(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']);
const OPTIONS = new Set(['nocopy', 'z', 'Z', 'consistent', 'cached', 'delegated']);
/** What compose takes for a boolean; a doubt is decided against the file. */
const ON = new Set(['true', 'yes', 'y', 'on', '1', 't']);
const OFF = new Set(['false', 'no', 'n', 'off', '0', 'f']);

/** An element of `volumes`; strings are masked (variables.ts) or resolved. */
export function readMount(value: Json): ReadMount {
  if (typeof value === 'string') return readShort(value);
  if (isMap(value)) return readLong(value);
  return { bad: 'a mount is text or a mapping' };
}

function readShort(text: string): ReadMount {
  // A letter and a colon is a drive of Windows to compose, wherever a section begins.
  if (/(^|:)[A-Za-z]:/.test(text) || text.startsWith('\\'))
    return { bad: 'it reads as a path of Windows; write the long notation' };
  const sections = text.split(':');
  if (sections.length === 1) {
    if (isOpen(text)) return { open: true };
    return text === '' ? { bad: 'it is empty' } : anonymous(text);
  }
  const [source = '', target = '', options = ''] = sections;
  if (sections.length > 3 || sections.includes('')) return { bad: 'it is not SOURCE:TARGET[:OPTIONS]' };
  let readOnly: boolean | null = false;
  let propagation: string | null = null;
  for (const option of options === '' ? [] : options.split(',')) {
    if (isOpen(option)) propagation = option;
    else if (option === 'ro') readOnly = true;
    else if (option === 'rw') readOnly = false;
    else if (PROPAGATIONS.has(option)) propagation = option;
    else if (!OPTIONS.has(option)) return { bad: `it has the option ${option}, which is not known` };
  }
  // An open target or option may bring `:ro` or `,ro` along.
  if (isOpen(target) || isOpen(options)) readOnly = null;
  return { type: isPath(source) ? 'bind' : 'volume', source, target, readOnly, propagation, keys: [] };
}

const anonymous = (target: string): Mount => ({
  type: 'volume',
  source: null,
  target,
  readOnly: false,
  propagation: null,
  keys: [],
});

/** Compose's rule for the short notation: what does not look like a path is a volume's name. */
function isPath(source: string): boolean {
  return /^[./~]/.test(source);
}

function readLong(map: JsonMap): ReadMount {
  const type = scalarText(member(map, 'type'));
  if (type === null) return { bad: 'it has no type' };
  const source = member(map, 'source') ?? null;
  const target = member(map, 'target') ?? null;
  if (source !== null && typeof source !== 'string') return { bad: 'its source is not text' };
  if (typeof target !== 'string') return { bad: 'it has no target' };
  const keys: string[] = [];
  for (const key of Object.keys(map)) {
    const value = member(map, key);
    if (isMap(value)) keys.push(...Object.keys(value).map((inner) => `${key}.${inner}`));
    else keys.push(key);
  }
  const bind = member(map, 'bind');
  const propagation = isMap(bind) ? (member(bind, 'propagation') ?? null) : null;
  if (propagation !== null && typeof propagation !== 'string') return { bad: 'its propagation is not text' };
  const known = source === '' ? null : source;
  return { type, source: known, target, readOnly: surelyOn(member(map, 'read_only')), propagation, keys };
}

/** Whether a switch is surely on; null: decided on the host. */
function surelyOn(value: Json | undefined): boolean | null {
  const text = scalarText(value)?.toLowerCase() ?? 'false';
  return isOpen(text) ? null : ON.has(text);
}

/** Whether a switch that should be off is surely off; null: decided on the host. */
export function surelyOff(value: Json | undefined): boolean | null {
  if (value === null || value === undefined) return true;
  const text = scalarText(value)?.toLowerCase();
  if (text === undefined) return false;
  return isOpen(text) ? null : text === '' || OFF.has(text);
}
