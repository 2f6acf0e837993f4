/** The part of docs/modules.md that is about stack.yaml. Its samples are real: a test reads them as a platform repo's. */

export const STACK_SAMPLE = `# yaml-language-server: $schema=../../schemas/stack.schema.json
apiVersion: platformctl/v1
kind: Stack
metadata:
  id: immich # the folder's name
  description: Photos
spec:
  host: rs2000
  runtime:
    compose_file: modules/immich/compose.yaml
    host_files: [.env] # passwords: for every service
  services: # key: the service in the compose file; module: immich-<key>
    server:
      smoke: { http: { url: "http://127.0.0.1:2283/api/server/ping" } }
    machine-learning: {}
    redis: {}
    database: { protected: true }
    migrate: { smoke: { exits: 0 } } # a job that ends
`;

export const STACK_COMPOSE = `name: immich
services:
  server:
    image: lab/immich-server:1.136
    env_file: .env
    ports: ["127.0.0.1:2283:2283"]
    depends_on:
      redis: { condition: service_started }
      database: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
  machine-learning:
    image: lab/immich-machine-learning:1.136
  redis:
    image: lab/redis:7.2
  database:
    image: lab/postgres:16
    env_file: .env
    volumes: [data:/var/lib/postgresql/data]
    healthcheck: { test: [CMD, pg_isready] }
  migrate:
    image: lab/immich-server:1.136
    command: [migrate]
    restart: "no"
    depends_on: [database]
volumes:
  data:
`;

/** @param rows of the table of keys */
export const stackSection = (rows: readonly string[]): string => `
## Stacks

\`modules/<stack>/stack.yaml\` declares several services of one compose file at once. It is short for one module a service: each has its own plan, lock, status and
approval, and everything that takes a module's id takes \`immich-server\`. Unknown keys are errors, and the schema is [\`schemas/stack.schema.json\`](../schemas/stack.schema.json).

\`\`\`yaml
${STACK_SAMPLE.trimEnd()}
\`\`\`

- What stands in \`spec\` holds for every service; what stands beneath a service is its own. Of two values the service's counts, lists (\`files\`, \`host_files\`, \`depends_on\`) add up.
  Host, compose file and project are shared: a service that lives elsewhere is a module of its own.
- Where a command takes an id, the stack's name stands for its modules in dependency order: \`platformctl plan immich\`, \`platformctl approve immich\` (one signature over all of their
  plans), \`platformctl apply immich\` (several plans in one call: \`PLATFORMCTL_PHASE=06\`).
- Which module depends on which is taken over from the compose file (\`depends_on\`, \`network_mode: service:\`, \`links\`), besides what \`depends_on\` says here. A circle is an error.
- An exception of the compose policy and a \`depends_on\` elsewhere name the module, not the stack.
- \`id:\` beneath a service gives its module another id. Ids are unique over all modules and stacks, without regard to case.
- A change of one service's part is no change for its neighbours: \`manifest_digest\` covers what the file declares for that module, not the file. Who changed the file is an author for all of them.

### All keys of stack.yaml

| key | value | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`;
