/** G-2: the fuse that an operator puts in. */
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import { changesAnything, type GateFacts } from './facts.js';
import { failure, type GateVerdict, verdict } from './verdict.js';

/** PLATFORMCTL_PHASE as a number: decimal digits only, so `05` is 5 and `0x5`, ` 5`, `5.0`, `abc` are nothing. */
export function parsePhase(value: string | undefined): number | null {
  return value !== undefined && /^[0-9]{1,9}$/.test(value) ? Number(value) : null;
}

/** The line to set. */
function phaseLine(needed: 5 | 6): string {
  return `export PLATFORMCTL_PHASE=0${needed}`;
}

export function phaseGate(facts: GateFacts): GateVerdict {
  const { value, needed, asked } = facts.phase;
  if (!changesAnything(facts.plan)) return verdict('G-2', 'phase', []);
  const phase = parsePhase(value);
  if (phase !== null && phase >= needed) return verdict('G-2', 'phase', []);
  if (!asked) return verdict('G-2', 'phase', [], false);
  const is = value === undefined ? 'is not set' : phase === null ? 'is not a number of decimal digits' : `is ${phase}`;
  return verdict('G-2', 'phase', [
    failure(
      EXIT_POLICY_VIOLATION,
      'PCTL-GATE-PHASE',
      `PLATFORMCTL_PHASE ${is}; this needs 0${needed}`,
      phaseLine(needed),
    ),
  ]);
}
