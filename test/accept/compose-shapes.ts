/** Shapes of compose files as people write them, each with one place whose value changes, and how the container tells what it sees there. */
import { IDLE } from './stage.js';

type Data = Readonly<Record<string, unknown>>;

/** Values that nothing but a host's files and its containers may ever hold. */
export const BEFORE = 'canary-one-4711';
export const AFTER = 'canary-two-4711';

export interface Shape {
  readonly name: string;
  /** What changes, as a person says it. */
  readonly change: string;
  /** Services and what stands beside them; the module's is `app`. */
  compose(value: string, id: string): Data;
  /** Files of the commit, beside the compose file. */
  files?(value: string): Readonly<Record<string, string>>;
  /** Files that only the host has, beside the compose file. */
  hostFiles?(value: string): Readonly<Record<string, string>>;
  readonly spec?: Data;
  /** What the plan says about the change, and nothing else. */
  readonly reasons: readonly string[];
  /** Default: update. */
  readonly action?: string;
  /** What somebody does on the host; `folder` is the compose file's there. Default: nothing. */
  byHand?(project: string, folder: string): string;
  /** Run inside of the container; tells the value unless `told` says what. */
  readonly read?: readonly string[];
  /** `docker inspect` of the container, where nothing inside can tell. */
  readonly inspect?: string;
  readonly told?: readonly [before: string, after: string];
}

/** An engine has addresses for some 30 networks: shapes that are not about networks do without. */
const ALONE: Data = { ...IDLE, network_mode: 'none' };
const app = (service: Data, top: Data = {}): Data => ({ services: { app: { ...ALONE, ...service } }, ...top });
const PLACE = ['sh', '-c', 'echo "$PLACE"'];
const CONF = ['cat', '/etc/app.conf'];

export const movingImage = (id: string): string => `lab/moving-${id.toLowerCase()}:live`;

export const SHAPES: readonly Shape[] = [
  {
    name: 'plain',
    change: 'an environment variable',
    compose: (value) => ({ services: { app: { ...IDLE, environment: { PLACE: value, KEPT: 'kept' } } } }),
    reasons: ['service definition changed: environment.PLACE'],
    read: PLACE,
  },
  {
    name: 'image',
    change: 'the image tag',
    compose: (value) => app({ image: value === BEFORE ? 'lab/busybox:1' : 'lab/busybox:2' }),
    reasons: ['service definition changed: image'],
    read: ['cat', '/etc/lab-image'],
    told: ['1', '2'],
  },
  {
    name: 'env-file',
    change: "the env file's content",
    compose: () => app({ env_file: ['app.env'] }),
    files: (value) => ({ 'app.env': `PLACE=${value}\nKEPT=kept\n` }),
    reasons: ['env file changed: app.env'],
    read: PLACE,
  },
  {
    name: 'dotenv-commit',
    change: 'a variable in the .env of the commit',
    compose: () => app({ environment: { PLACE: '${PLACE}' } }),
    files: (value) => ({ '.env': `PLACE=${value}\n` }),
    reasons: ['env file changed: .env'],
    read: PLACE,
  },
  {
    name: 'dotenv-host',
    change: 'a variable in the .env that only the host has',
    compose: () => app({ environment: { PLACE: '${PLACE:-none}' } }),
    hostFiles: (value) => ({ '.env': `PLACE=${value}\n` }),
    reasons: ['env file changed: .env'],
    read: PLACE,
  },
  {
    name: 'depends-on',
    change: 'a label',
    compose: (value) => ({
      services: {
        app: {
          ...IDLE,
          depends_on: { other: { condition: 'service_started' } },
          labels: { 'org.example.place': value },
        },
        other: IDLE,
      },
    }),
    reasons: ['service definition changed: labels.org.example.place'],
    inspect: '{{index .Config.Labels "org.example.place"}}',
  },
  {
    name: 'config',
    change: "a config's file",
    compose: () =>
      app({ configs: [{ source: 'app', target: '/etc/app.conf' }] }, { configs: { app: { file: './app.conf' } } }),
    files: (value) => ({ 'app.conf': value }),
    reasons: ['mounted file changed: app.conf'],
    read: CONF,
  },
  {
    name: 'config-content',
    change: "a config's content in the compose file",
    compose: (value) =>
      app({ configs: [{ source: 'app', target: '/etc/app.conf' }] }, { configs: { app: { content: value } } }),
    reasons: ['service definition changed: configs.app'],
    read: CONF,
  },
  {
    name: 'config-variable',
    change: 'a variable in the content of a config',
    compose: () =>
      app({ configs: [{ source: 'app', target: '/etc/app.conf' }] }, { configs: { app: { content: '${PLACE}' } } }),
    files: (value) => ({ '.env': `PLACE=${value}\n` }),
    reasons: ['env file changed: .env'],
    read: CONF,
  },
  {
    name: 'secret',
    change: "a secret's file",
    compose: () => app({ secrets: ['token'] }, { secrets: { token: { file: './token.txt' } } }),
    files: (value) => ({ 'token.txt': value }),
    reasons: ['mounted file changed: token.txt'],
    read: ['cat', '/run/secrets/token'],
  },
  {
    name: 'volume',
    change: 'the container is stopped',
    compose: () =>
      app(
        {
          command: ['sh', '-c', '[ -e /data/first ] || echo kept >/data/first; exec sleep 100000'],
          volumes: ['data:/data'],
        },
        { volumes: { data: {} } },
      ),
    byHand: (project) => `docker stop -t 1 ${project}-app-1`,
    reasons: ['not running'],
    action: 'start',
    read: ['cat', '/data/first'],
    told: ['kept', 'kept'],
  },
  {
    name: 'bind-folder',
    change: 'a file in a mounted folder',
    compose: () => app({ volumes: ['./conf:/etc/conf:ro'] }),
    files: (value) => ({ 'conf/deep/a.conf': value, 'conf/b.conf': 'kept' }),
    reasons: ['mounted file changed: conf/deep/a.conf'],
    read: ['cat', '/etc/conf/deep/a.conf'],
  },
  {
    name: 'bind-file',
    change: 'a mounted file',
    compose: () => app({ volumes: ['./app.conf:/etc/app.conf:ro'] }),
    files: (value) => ({ 'app.conf': value }),
    reasons: ['mounted file changed: app.conf'],
    read: CONF,
  },
  {
    name: 'data-folder',
    change: 'somebody recreated the container',
    compose: () => app({ volumes: ['./data:/data'] }),
    byHand: (project, folder) =>
      `cd ${folder} && docker compose --env-file /dev/null -p ${project} up -d --no-deps --force-recreate app`,
    reasons: ['recreated outside platformctl'],
    read: ['ls', '/data'],
    told: ['', ''],
  },
  {
    name: 'namespace',
    change: 'an environment variable of a service that lives in the network of another',
    compose: (value) => ({
      services: { app: { ...IDLE, network_mode: 'service:server', environment: { PLACE: value } }, server: ALONE },
    }),
    reasons: ['service definition changed: environment.PLACE'],
    read: PLACE,
  },
  {
    name: 'profiles',
    change: 'the tag is moved to another image',
    compose: (_, id) => app({ image: movingImage(id), profiles: ['tools'] }),
    byHand: (project) => `docker tag lab/busybox:2 ${movingImage(project)}`,
    reasons: ['image moved: same tag, new image'],
    read: ['cat', '/etc/lab-image'],
    told: ['1', '2'],
  },
  {
    name: 'healthcheck',
    change: 'a mounted file is edited on the host',
    compose: () =>
      app({
        volumes: ['./app.conf:/etc/app.conf:ro'],
        healthcheck: { test: ['CMD', 'true'], interval: '1s', timeout: '5s', retries: 2 },
      }),
    files: () => ({ 'app.conf': 'of the commit' }),
    byHand: (_, folder) => `echo by hand >${folder}/new && mv ${folder}/new ${folder}/app.conf`,
    reasons: ['file on host differs: app.conf'],
    read: CONF,
    told: ['of the commit', 'of the commit'],
  },
  {
    name: 'ports',
    change: 'a published port',
    compose: (value) => ({ services: { app: { ...IDLE, ports: [`127.0.0.1::${value === BEFORE ? 8080 : 8081}`] } } }),
    reasons: ['service definition changed: ports'],
    inspect: '{{range $port, $_ := .HostConfig.PortBindings}}{{$port}}{{end}}',
    told: ['8080/tcp', '8081/tcp'],
  },
  {
    name: 'limits',
    change: 'a limit',
    compose: (value) =>
      app({ deploy: { resources: { limits: { memory: value === BEFORE ? '32M' : '48M', cpus: '0.5' } } } }),
    reasons: ['service definition changed: deploy'],
    inspect: '{{.HostConfig.Memory}}',
    told: [String(32 * 1024 * 1024), String(48 * 1024 * 1024)],
  },
  {
    name: 'extends',
    change: 'an environment variable of the service that it extends',
    compose: (value) => ({
      services: {
        base: { ...ALONE, environment: { PLACE: value } },
        app: { extends: { service: 'base' }, hostname: 'app' },
      },
    }),
    reasons: ['service definition changed: environment.PLACE'],
    read: PLACE,
  },
  {
    name: 'container-name',
    change: 'a mounted file that only the host has',
    compose: (_, id) => app({ container_name: `${id}-named`, volumes: ['./cert.pem:/etc/app.conf:ro'] }),
    hostFiles: (value) => ({ 'cert.pem': value }),
    reasons: ['mounted file changed: cert.pem'],
    read: CONF,
  },
];
