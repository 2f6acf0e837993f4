/** G-6: only hosts of config.yaml, as the one that they are known to be, never as root from afar. */
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import { type GateFacts, planAgain } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

const CHECK = 'HOST-ALLOWLIST-01';

export function hostsGate(facts: GateFacts): GateVerdict {
  const { plan, platform, connection, stage } = facts;
  const refuse = (why: string, hint: string | null): GateFailure =>
    failure(EXIT_POLICY_VIOLATION, 'PCTL-GATE-HOST', why, hint, CHECK);
  const failures: GateFailure[] = [];
  const host = platform.hosts.get(plan.host);
  if (!host) {
    const known = [...platform.hosts.keys()].sort().join(', ');
    return verdict('G-6', 'hosts', [
      refuse(
        `${plan.host} is not a host of config.yaml at the policy ref`,
        known === '' ? 'add it to hosts:' : `it knows ${known}`,
      ),
    ]);
  }
  if (host.remoteRoot !== plan.remote_root) {
    failures.push(
      refuse(`the plan's remote_root is ${plan.remote_root}; ${plan.host} has ${host.remoteRoot}`, planAgain(plan)),
    );
  }
  const remote = host.transport !== 'local';
  if (remote && host.user === 'root')
    failures.push(refuse(`user root is refused on ${plan.host}`, 'make a user for platformctl there, in group docker'));
  for (const name of remote ? host.jump : []) {
    if (!platform.hosts.has(name))
      failures.push(refuse(`the jump host ${name} is not a host of config.yaml`, 'add it to hosts:'));
  }
  if (connection) {
    if (connection.transport !== host.transport) {
      failures.push(refuse(`connected by ${connection.transport}; config.yaml says ${host.transport}`, null));
    }
    if (remote && connection.user === 'root')
      failures.push(refuse(`connected as root to ${plan.host}`, 'make a user for platformctl there, in group docker'));
    if (remote && connection.hostKey === null) {
      failures.push(
        refuse(`the host key of ${plan.host} was not checked`, 'set host_key or known_hosts_file in config.yaml'),
      );
    }
  } else if (stage === 'under lock') {
    failures.push(refuse(`who answers as ${plan.host} is not known`, null));
  }
  return verdict('G-6', 'hosts', failures);
}
