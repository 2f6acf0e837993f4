/** Compose's interpolation as far as it can be told from the text: which variables, where, and what is literal (P-12). */

/** Stands in masked text where a variable's value will be; nothing that compose takes can hold it. */
const OPEN = '\0';

/** Compose matches names without regard to case, which in its language lets the long s and the Kelvin sign in. */
const NAME = /[A-Za-z_\u017F\u212A][A-Za-z0-9_\u017F\u212A]*/y;
/** Deeper nesting of defaults (`${A:-${B:-...}}`) is refused: nobody writes it, and it would recurse. */
const MAX_NESTING = 20;

/** What is taken for a variable's name: what compose takes, without those two, which no shell has. */
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name);

export interface VariableUse {
  readonly name: string;
  /** Neither a default (`:-`, `-`) nor an alternative (`:+`, `+`), and not within another's default. */
  readonly required: boolean;
}

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly uses: readonly VariableUse[] }
  | { readonly kind: 'invalid' };

/** The variables of a string, in order, nested ones too. */
export function variablesIn(text: string): readonly VariableUse[] {
  if (!text.includes('$')) return [];
  return tokens(text, 0).flatMap((token) => (token.kind === 'variable' ? token.uses : []));
}

/** Whether compose would refuse the string: `${` that does not become a variable. (A `$` before anything else is just a `$`.) */
export function isInvalidTemplate(text: string): boolean {
  return text.includes('$') && tokens(text, 0).some((token) => token.kind === 'invalid');
}

export function hasVariable(text: string): boolean {
  return text.includes('$') && tokens(text, 0).some((token) => token.kind !== 'text');
}

/** The string as compose will see it, with OPEN for each variable; `$$` is a `$`. */
export function mask(text: string): string {
  if (!text.includes('$')) return text;
  return tokens(text, 0)
    .map((token) => (token.kind === 'text' ? token.text : OPEN))
    .join('');
}

/** For masked text: whether any of it is decided on the host. */
export function isOpen(masked: string): boolean {
  return masked.includes(OPEN);
}

function tokens(text: string, depth: number): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) {
      found.push({ kind: 'text', text: text.slice(at) });
      break;
    }
    if (dollar > at) found.push({ kind: 'text', text: text.slice(at, dollar) });
    const next = text[dollar + 1];
    if (next === '$') {
      found.push({ kind: 'text', text: '$' });
      at = dollar + 2;
    } else if (next === '{') {
      const close = closing(text, dollar);
      if (close < 0) return [...found, { kind: 'invalid' }];
      found.push(braced(text.slice(dollar + 2, close), depth));
      at = close + 1;
    } else {
      const name = nameAt(text, dollar + 1);
      found.push(name === '' ? { kind: 'text', text: '$' } : { kind: 'variable', uses: [{ name, required: true }] });
      at = dollar + 1 + name.length;
    }
  }
  return found;
}

/** The index of the `}` that closes the `${` at `start`; -1 where there is none. Only `${` opens another level, as in compose. */
function closing(text: string, start: number): number {
  let level = 0;
  for (let at = start; at < text.length; at++) {
    if (text.startsWith('${', at)) {
      level++;
      at++;
    } else if (text[at] === '}') {
      level--;
      if (level === 0) return at;
    }
  }
  return -1;
}

function braced(body: string, depth: number): Token {
  const name = nameAt(body, 0);
  const rest = body.slice(name.length);
  const operator = /^(:?[-+?])/.exec(rest)?.[1];
  if (name === '' || depth >= MAX_NESTING || (rest !== '' && operator === undefined)) return { kind: 'invalid' };
  const required = operator === undefined || operator.endsWith('?');
  const inner = operator === undefined ? [] : tokens(rest.slice(operator.length), depth + 1);
  if (inner.some((token) => token.kind === 'invalid')) return { kind: 'invalid' };
  const nested = inner.flatMap((token) => (token.kind === 'variable' ? token.uses : []));
  return { kind: 'variable', uses: [{ name, required }, ...nested.map((use) => ({ ...use, required: false }))] };
}

function nameAt(text: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0] ?? '';
}
