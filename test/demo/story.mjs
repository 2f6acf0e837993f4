/** The demo itself: one service from init to an apply, a bad change rolled back, what is refused, and the record of it all. */
import { setTimeout as sleep } from 'node:timers/promises';

const MODULE = 'modules/hello/module.yaml';
const COMPOSE = 'modules/hello/compose.yaml';
const PAGE = 'modules/hello/www/index.html';

const moduleYaml = ({ project, port }) => `apiVersion: platformctl/v1
kind: Module
metadata:
  id: hello
spec:
  host: demo
  runtime:
    compose_file: ${COMPOSE}
    project: ${project}
  smoke:
    timeout_seconds: 20
    stable_seconds: 2
    http: { url: "http://127.0.0.1:${port}/" }
`;

const composeYaml = ({ image, port }, { command = 'exec httpd -f -p 8080 -h /www', volumes = '' } = {}) => `services:
  hello:
    image: ${image}
    command: [sh, -c, "${command}"]
    restart: unless-stopped
    stop_grace_period: 1s
    ports: ["127.0.0.1:${port}:8080"]
    volumes:
      - ./www:/www:ro
${volumes}`;

/** What a browser would get; null where nothing answers within 5 s. */
async function fetchPage(port) {
  for (let tries = 0; tries < 10; tries++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) });
      return (await answer.text()).trim();
    } catch {
      await sleep(500);
    }
  }
  return null;
}

export async function play(place, told) {
  const { platformctl, check, did, say, show, title } = told;
  const serves = async (wanted) => {
    const got = await fetchPage(place.port);
    say(`\n$ curl http://127.0.0.1:${place.port}/\n${got ?? '(no answer)'}`);
    check('the service answers', wanted, got);
  };
  const compose = (how) => place.write(COMPOSE, composeYaml(place, how));
  const publish = (message) => did('bob commits and pushes', place.publish(message));
  const overwhat = place.transport === 'ssh' ? 'over SSH' : 'on this machine';

  title('A platform repo for a team of two: alice operates and approves, bob writes');
  await platformctl('init --team', 0, { says: ['.platform/config.yaml'] });
  const entry = Object.entries(place.config).map(([key, value]) => `    ${key}: ${value}\n`);
  place.write(
    '.platform/config.yaml',
    place.read('.platform/config.yaml').replace(/^ {2}local:.*\n {4}transport: local\n/m, `  demo:\n${entry.join('')}`),
  );
  did('alice names the host in', '.platform/config.yaml');
  show(`hosts:\n  demo:\n${entry.join('')}`);
  place.write(MODULE, moduleYaml(place));
  place.write(PAGE, 'version 1\n');
  compose();
  did('bob writes', `${MODULE}, ${PAGE} and ${COMPOSE}`);
  show(composeYaml(place));
  publish('hello, version 1');
  await platformctl('validate', 0);

  title('Plan: what would change, bound to this commit and to what the host looks like');
  await platformctl('plan hello', 1, { says: ['create'] });

  title('Approve: alice signs exactly this plan with her SSH key');
  await platformctl('approve hello', 0);

  title(`Apply ${overwhat}: gates, lock, files, docker compose, smoke, record`);
  await platformctl('apply hello', 9, { phase: '05', says: ['applied'] });
  await serves('version 1');
  await platformctl('status', 0);

  title('Plan again: nothing to do');
  await platformctl('plan hello', 0);

  title('A bad change: version 2 does not start, which docker compose up does not notice');
  compose({ command: 'echo cannot open the database; sleep 1; exit 3' });
  place.write(PAGE, 'version 2\n');
  publish('hello, version 2');
  await platformctl('plan hello', 1, { says: ['update'] });
  await platformctl('approve hello', 0);
  await platformctl('apply hello', 11, { phase: '05', says: ['rolled back', 'cannot open the database'] });
  await serves('version 1');
  await platformctl('status', 0, { says: ['ROLLED BACK'] });

  title('A sacred path: nobody mounts /etc, whoever asks');
  compose({ volumes: '      - /etc:/host-etc\n' });
  place.write(PAGE, 'version 3\n');
  publish('hello, version 3, with the /etc of the host');
  await platformctl('plan hello', 4, { says: ['bind_sacred'] });

  title('A stale plan: the host changed after the plan was approved');
  compose();
  publish('hello, version 3, without it');
  await platformctl('plan hello', 1);
  await platformctl('approve hello', 0);
  place.shell(`echo 'edited by hand' >'${place.root}/${PAGE}'`);
  did('somebody edits', `${PAGE} on the host by hand`);
  await platformctl('apply hello', 8, { phase: '05' });
  await serves('edited by hand');

  title('The record: every run stands in a chain of hashes, on the host and here');
  await platformctl('audit verify --host demo', 0);
  await platformctl('audit verify', 0);
}
