/** The texts that `init` writes (M-7). Each one validates as it is. */

export type ApprovalChoice = 'self' | 'signature';

export interface InitValues {
  readonly approval: ApprovalChoice;
  /** The branch that judges. */
  readonly branch: string;
  readonly remoteRoot: string;
  /** A line of allowed_signers for who works here; null: no key was found. */
  readonly signer: string | null;
}

export const FIRST_MODULE = 'hello';

const APPROVAL: Readonly<Record<ApprovalChoice, string>> = {
  self: `# self: one person decides. apply shows the plan and asks you on the terminal; without a terminal (CI) it wants your signature.
# What this gives up: nobody else looks at a change before it happens. Records say "self-approved", never "approved".
# With a second person: mode: signature, and a line for each of you in allowed_signers.
approval:
  mode: self
`,
  signature: `# signature: somebody else signs the plan with an SSH key that allowed_signers names: platformctl approve MODULE
# What this gives up: nothing of the gates; but a change waits until another person has signed it.
approval:
  mode: signature
  required: 1 # different persons
  allow_author: false # who wrote a change cannot approve it
  # approvers: [alice@example.net, bob@example.net] # only these count; default: everybody in allowed_signers
`,
};

export function configText({ approval, branch, remoteRoot }: InitValues): string {
  return `# What platformctl may change, and who must agree. All keys: docs/configuration.md of platformctl.
# This file judges changes from the branch below: a change to it counts once it is there.
apiVersion: platformctl/v1
kind: Platform

# The folder on every host beneath which everything lies. A host may have its own.
remote_root: ${remoteRoot}
protected_ref: ${branch}

# The machines that may be changed. A host that is not named here does not exist.
hosts:
  local: # this machine
    transport: local
  # myserver:
  #   transport: ssh
  #   address: myserver.example.net
  #   user: platform-host-agent # an account in group docker; root is refused
  #   host_key: "ssh-ed25519 AAAA..." # /etc/ssh/ssh_host_ed25519_key.pub on the host: there is no trust on first use
  #   identity_file: ~/.ssh/id_ed25519
  #   remote_root: /opt/platform

${APPROVAL[approval]}
policy:
  sacred_paths: [] # never written, mounted or executed from; added to the built-in list
  bind_roots: [] # folders outside of remote_root that services may mount
  compose:
    allow: [] # exceptions; a refusal prints the one that it needs, ready to paste
`;
}

export function signersText({ signer }: InitValues): string {
  return `# Who may sign approvals: ADDRESS KEYTYPE KEY, one key a line (ssh-keygen's allowed_signers format).
# alice@example.net ssh-ed25519 AAAA...
${signer === null ? '' : `${signer}\n`}`;
}

export const MODULE_TEXT = `# yaml-language-server: $schema=../../schemas/module.schema.json
apiVersion: platformctl/v1
kind: Module
metadata:
  id: ${FIRST_MODULE} # the folder's name
  description: A first service, to see plan and apply work
spec:
  host: local # a key of hosts in .platform/config.yaml
  runtime:
    compose_file: modules/${FIRST_MODULE}/compose.yaml
    compose_service: ${FIRST_MODULE}
    # host_files: [.env] # files that live only on the host, such as passwords
  smoke:
    timeout_seconds: 60 # running, healthy and stable within this time, or rolled back
  # depends_on: [other-module]
  # protected: true # any recreate needs an approval that names the plan
`;

export const COMPOSE_TEXT = `services:
  ${FIRST_MODULE}:
    image: busybox:1.37
    command: [httpd, -f, -p, "8080", -h, /www]
    init: true
    read_only: true
    volumes:
      - ./www:/www:ro
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/index.html"]
      interval: 2s
      timeout: 2s
      retries: 5
`;

export const PAGE_TEXT = 'hello\n';

export const IGNORED = '.platform/state/';

/** A check on every pull request: it contacts no host and needs no secret (P-8). */
export function workflowText(branch: string): string {
  return `# platformctl: says on a pull request whether the manifests are valid and what they would change.
# It contacts no host, has no secrets to lose, and runs nothing of the pull request.
name: platformctl
on:
  pull_request:
  push:
    branches: [${branch}]
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # authors and the protected branch are read from the history
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: npm install --global platformctl
      - run: platformctl validate
      - name: plan
        run: platformctl plan --offline || [ $? = 1 ] # 1: there are changes
`;
}
