/** What a plan changes, in the words of one line a module. */
import type { PlannedModule } from '../flows/results.js';
import type { Plan } from '../manifest/types.js';
import { type Style, safe, tag } from './style.js';

export type Action = Plan['changes'][number]['action'];

const SERVICE = 'compose.service.';
const FILE = 'file.';
const DEFINITION = 'service definition changed: ';
const MOST_KEYS = 6;

/** What happens to the service; where nothing does, what happens to the first file. */
export function actionOf(plan: Plan): Action {
  const service = plan.changes.find((change) => change.target.startsWith(SERVICE));
  if (service && service.action !== 'none') return service.action;
  return plan.changes.find((change) => change.action !== 'none')?.action ?? 'none';
}

/** Why, each reason once: those of the service, then removals and owners of files, which the service's reasons do not name. */
export function reasonsOf(one: Pick<PlannedModule, 'plan' | 'lastApplied'>, style: Style): string[] {
  const reasons: string[] = [];
  for (const { target, action, reasons: why } of one.plan.changes) {
    if (target.startsWith(SERVICE)) reasons.push(...why.flatMap((reason) => inWords(reason, one, style)));
    else if (action === 'remove') reasons.push(`removes ${safe(target.slice(FILE.length))}`);
    else reasons.push(...why.filter((reason) => reason.startsWith('its owner becomes')).map(safe));
  }
  return [...new Set(reasons)];
}

/** Of a changed definition the keys; of a changed image what it was and what it becomes. */
function inWords(reason: string, one: Pick<PlannedModule, 'plan' | 'lastApplied'>, style: Style): string[] {
  if (!reason.startsWith(DEFINITION)) return [safe(reason)];
  const keys = reason.slice(DEFINITION.length).split(', ');
  const before = one.lastApplied?.image ?? null;
  const after = one.plan.image.reference;
  const moved = before !== null && before !== after && keys.includes('image');
  const others = moved ? keys.filter((key) => key !== 'image') : keys;
  const words = moved ? [imageWords(before, after, style)] : [];
  if (others.length > 0) words.push(`${safe(shortened(others, style))} changed`);
  return words;
}

function imageWords(before: string, after: string, style: Style): string {
  const sameName = nameOf(before) === nameOf(after) && !style.full;
  return sameName ? `image ${tag(before)} -> ${tag(after)}` : `image ${safe(before)} -> ${safe(after)}`;
}

function shortened(keys: readonly string[], style: Style): string {
  if (style.full || keys.length <= MOST_KEYS + 1) return keys.join(', ');
  return `${keys.slice(0, MOST_KEYS).join(', ')} and ${keys.length - MOST_KEYS} more`;
}

function nameOf(reference: string): string {
  const bare = reference.replace(/@.*$/, '');
  const colon = bare.indexOf(':', bare.lastIndexOf('/') + 1);
  return colon < 0 ? bare : bare.slice(0, colon);
}

/** What stands after the reasons. */
export function effectOf({
  plan,
  destructive = plan.destructive,
}: Pick<PlannedModule, 'plan' | 'destructive'>): string {
  return [...(plan.recreates ? ['recreates'] : []), ...(destructive.length > 0 ? ['DESTRUCTIVE'] : [])].join(', ');
}
