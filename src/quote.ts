/**
 * A POSIX shell word for `value`, the only function that quotes (X-2). NUL cannot be in an argument.
 * @throws RangeError where the value holds a NUL byte
 */
export function quote(value: string): string {
  if (value.includes('\0')) throw new RangeError('an argument cannot hold a NUL byte');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(value)) return value;
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
