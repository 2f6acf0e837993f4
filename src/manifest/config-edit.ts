/** config.yaml with one more host in it. All that a person wrote stays as it is, byte for byte where YAML lets it: comments, order, quotes. */
import { isMap, isScalar, type Node, parseDocument, stringify } from 'yaml';

/** A host's entry as the file will have it, in this order. */
export type HostEntryText = Readonly<Record<string, string | number>>;

/**
 * The text with `hosts.NAME` behind the hosts that are there.
 * @param text a config.yaml without problems that has no such host
 */
export function withHost(text: string, name: string, entry: HostEntryText): string {
  const document = parseDocument(text);
  const hosts = document.get('hosts', true);
  const first = isMap(hosts) && !hosts.flow ? hosts.items[0]?.key : undefined;
  const last = isMap(hosts) ? hosts.items.at(-1) : undefined;
  if (!isScalar(first) || !first.range || !last) {
    // Written in braces: it has no lines of its own to stand between.
    document.setIn(['hosts', name], entry);
    return document.toString({ lineWidth: 0 });
  }
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const [start] = first.range;
  const indent = text.slice(text.lastIndexOf('\n', start) + 1, start);
  const [, end] = ((last.value ?? last.key) as Node).range as [number, number, number];
  const before = text.slice(0, end).trimEnd().length;
  // A comment on that line stays with its host.
  const lineEnd = text.indexOf(newline, before);
  const at = lineEnd < 0 ? text.length : lineEnd;
  const lines = stringify({ [name]: entry }, { lineWidth: 0 })
    .trimEnd()
    .split('\n');
  return text.slice(0, at) + lines.map((line) => newline + indent + line).join('') + text.slice(at);
}
