/** Which services of a file need which (M-9): everything that compose itself takes for a dependency. */
import type { ComposeFile } from './model.js';
import { dependsOn, namespacesOf } from './references.js';
import { isList, type JsonMap, member, scalarText } from './values.js';

/** By service those that come before it: `depends_on`, those whose namespaces it lives in, `links` and `volumes_from`. */
export function neededServices(file: ComposeFile): Map<string, readonly string[]> {
  return new Map(
    [...file.services].map(([name, definition]) => {
      const named = [
        ...dependsOn(definition).map(({ service }) => service),
        ...namespacesOf(definition),
        ...beforeColon(definition, 'links'),
        ...beforeColon(definition, 'volumes_from'),
      ];
      return [name, [...new Set(named)]];
    }),
  );
}

/** `database:db` names the service database. */
function beforeColon(definition: JsonMap, key: string): string[] {
  const value = member(definition, key);
  return (isList(value) ? value : []).flatMap((item) => scalarText(item)?.split(':')[0] ?? []);
}
