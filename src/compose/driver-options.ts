/** Options of volume and network drivers as they are shown and kept: without what would let somebody in (O-1, P-12). */

const SECRET_KEY = /pass|pwd|secret|token|cred|auth|key$|^pw$/i;
/** The same inside an option's text. mount.cifs wants a comma of a password twice. */
const SECRET_INSIDE =
  /(^|[\s,;])((?:[^\s,;=]{0,64}(?:pass|pwd|secret|token|cred|auth)[^\s,;=]{0,64}|[^\s,;=]{0,64}key|pw)=)((?:,,|[^,])*)/gi;
/** `user=NAME%PASSWORD`, also of mount.cifs. */
const AFTER_USER = /((?:^|[\s,;])user(?:name)?=[^,%]*%)((?:,,|[^,])+)/gi;
const USERINFO = /(:\/\/[^\s/@:]*:)[^\s/]*@/g;

/** An option's value for people and for the plan; the same again for what is so already. */
export function shownOption(key: string, value: string): string {
  if (value === '') return value;
  if (SECRET_KEY.test(key)) return '***';
  return value
    .replace(SECRET_INSIDE, (_, before: string, name: string, secret: string) => before + name + masked(secret))
    .replace(AFTER_USER, (_, before: string, secret: string) => before + masked(secret))
    .replace(USERINFO, '$1***@');
}

/** To the engine each comma ends an option, so a flag in a password that is none still makes the volume a bind mount: it stays, for it is judged. */
function masked(secret: string): string {
  const flags = secret.split(',').filter((part) => /^r?bind$/.test(part));
  return ['***', ...flags].join(',');
}
