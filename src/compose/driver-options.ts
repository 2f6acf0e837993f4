/** Options of volume and network drivers as they are shown and kept: without what would let somebody in (O-1, P-12). */

const WORDS = 'pass|pwd|secret|token|cred|auth';
const SECRET_KEY = new RegExp(`${WORDS}|key$|^pw$`, 'i');
/** The same inside an option's text. mount.cifs wants a comma of a password twice. */
const SECRET_INSIDE = new RegExp(
  String.raw`(^|[\s,;])((?:[^\s,;=]{0,64}(?:${WORDS})[^\s,;=]{0,64}|[^\s,;=]{0,64}key|pw)=)((?:,,|[^,])*)`,
  'gi',
);
/** `user=NAME%PASSWORD`, also of mount.cifs. */
const AFTER_USER = /((?:^|[\s,;])user(?:name)?=[^,%]{0,256}%)((?:,,|[^,])+)/gi;
const USERINFO = /(:\/\/[^\s/@:]*:)([^\s/]*)@/g;

/** An option's value for people and for the plan; the same again for what is so already. */
export function shownOption(key: string, value: string): string {
  // A path of the host is judged, and holds no secret.
  if (value === '' || (key === 'device' && /^\/(?!\/)/.test(value))) return value;
  if (SECRET_KEY.test(key)) return '***';
  const hide = (_: string, before: string, name: string, secret: string): string => before + name + masked(secret);
  return value
    .replace(SECRET_INSIDE, hide)
    .replace(AFTER_USER, (_, before: string, secret: string) => before + masked(secret))
    .replace(USERINFO, (_, before: string, secret: string) => `${before}${masked(secret)}@`);
}

/** To the engine each comma ends an option, so a flag in a password that is none still makes the volume a bind mount: it stays, for it is judged. */
function masked(secret: string): string {
  const flags = secret.split(',').filter((part) => /^r?bind$/.test(part));
  return ['***', ...flags].join(',');
}
