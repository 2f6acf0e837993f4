/** A change that fails after `go`: what was there before is back (B-1, B-3), and what was seen says why (V-1 to V-4). Real sshd, real engine. */
import { randomInt } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  document,
  gate,
  journalled,
  launch,
  prepare,
  runsOf,
  statusOf,
  WEB,
} from './scene.js';

const SMOKE = { stable_seconds: 2, timeout_seconds: 20 };
const lab = sharedLab();
let on: Stage;
beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

const imageOf = (container: string): Promise<string> => lab.docker('inspect', '--format', '{{.Image}}', container);
const page = (id: string): Promise<string> => on.inside(id, 'wget', '-qO-', 'http://127.0.0.1:8080/');
const path = (id: string, file: string): string => `${on.repo.remoteRoot()}/modules/${id}/${file}`;
async function onHost(id: string, file: string): Promise<string> {
  const mode = (await stat(path(id, file))).mode & 0o7777;
  return `${mode.toString(8)} ${await readFile(path(id, file), 'utf8')}`;
}
const absent = async (id: string, file: string): Promise<boolean> =>
  stat(path(id, file)).then(
    () => false,
    () => true,
  );

/** Nobody listens there, and no connection of this machine begins there: it is below the ports that the kernel gives out. */
async function freePort(): Promise<number> {
  const port = randomInt(20_000, 32_000);
  const server = createServer();
  const free = await new Promise<boolean>((tried) => {
    server.on('error', () => tried(false)).listen(port, '127.0.0.1', () => tried(true));
  });
  if (!free) return freePort();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A module that serves `index.html`, applied. */
async function served(id: string, compose: Record<string, unknown> = {}, spec: Record<string, unknown> = {}) {
  await on.repo.write(`modules/${id}/www/index.html`, 'good');
  await on.module(id, { compose: { services: { [id]: { ...WEB, ...compose } } }, spec: { smoke: SMOKE, ...spec } });
  const ended = await change(on, id);
  expect(ended.exit, ended.said).toBe(9);
}

describe('V-1, B-1: `docker compose up` returned 0 and the service is not well', () => {
  const BAD: Record<string, { service: Record<string, unknown>; why: RegExp; log: string }> = {
    'a restart loop': {
      service: { command: ['sh', '-c', 'echo will not start; exit 1'], restart: 'always' },
      why: /restart/,
      log: 'will not start',
    },
    'a container that exits 3': {
      service: { command: ['sh', '-c', 'echo gives up; exit 3'], restart: 'no' },
      why: /exited with code 3/,
      log: 'gives up',
    },
    'one that turns unhealthy after 5 s': {
      service: {
        command: ['sh', '-c', 'echo fades; touch /ok; (sleep 5; rm /ok) & exec httpd -f -p 8080 -h /www'],
        healthcheck: { test: ['CMD', 'test', '-e', '/ok'], interval: '1s', retries: 1, timeout: '5s' },
      },
      why: /unhealthy/,
      log: 'fades',
    },
  };

  beforeAll(async () => {
    await on.repo.write('modules/web/www/run.sh', 'old', 0o755);
    await served('web');
    // A file that platformctl never wrote, with a mode that git does not have.
    await on.onHost(
      lab.host().name,
      `printf mine >${path('web', 'by-hand.conf')} && chmod 640 ${path('web', 'by-hand.conf')}`,
    );
  });

  it.each(Object.entries(BAD))('%s ends 11 and the old behaviour is back', async (name, bad) => {
    const before = await document(on, 'web');
    const image = await imageOf(await on.container(on.project('web'), 'web'));
    await on.repo.write('modules/web/www/index.html', `bad: ${name}`);
    await on.repo.write('modules/web/www/run.sh', 'new', 0o644);
    await on.repo.write('modules/web/by-hand.conf', `delivered: ${name}`);
    await on.repo.write('modules/web/new/deep/file.conf', 'new');
    await on.module('web', {
      compose: {
        services: {
          web: {
            ...WEB,
            image: 'lab/busybox:2',
            volumes: ['./www:/www:ro', './by-hand.conf:/by-hand.conf:ro', './new/deep/file.conf:/new.conf:ro'],
            ...bad.service,
          },
        },
      },
      spec: { smoke: { stable_seconds: 60, timeout_seconds: 90 } },
    });
    const ended = await change(on, 'web', name);

    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result?.outcome).toBe('rolled_back');
    expect(ended.result?.message).toMatch(bad.why);
    expect(ended.result?.remote?.returncode).toBe(0);
    expect(ended.result?.log.join('\n')).toContain(bad.log);
    expect(await page('web')).toBe('good');
    const container = await on.container(on.project('web'), 'web');
    expect(await imageOf(container)).toBe(image);
    expect(image).toBe(lab.images['lab/busybox:1']);
    expect(await onHost('web', 'www/index.html')).toBe('644 good');
    expect(await onHost('web', 'www/run.sh')).toBe('755 old');
    expect(await onHost('web', 'by-hand.conf')).toBe('640 mine');
    expect(await absent('web', 'new')).toBe(true);
    const after = await document(on, 'web');
    expect(after).toMatchObject({
      outcome: 'rolled_back',
      intent: null,
      last_apply_sha: before?.last_apply_sha,
      plan_digest: before?.plan_digest,
      applied_at: before?.applied_at,
      files: before?.files,
      container_id: container,
      attempt: { outcome: 'rolled_back' },
    });
    expect(await apply(on, 'web'), 'a spent plan').toMatchObject({ exit: 8 });
  });

  it('V-4 a file that somebody changes while the smoke runs is not what was approved', async () => {
    const before = await runsOf(on);
    const verified = await gate(on);
    await on.repo.write('modules/web/www/index.html', 'better');
    await on.module('web', {
      compose: { services: { web: WEB } },
      spec: { smoke: { stable_seconds: 1, ...verified.smoke } },
    });
    await on.repo.publish('better');
    await prepare(on, 'web');
    const running = await launch(on, 'web');
    await journalled(on, before, /^verify started/m);
    await writeFile(path('web', 'www/index.html'), 'intruder');
    verified.open();
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result?.message).toContain('not what the plan says');
    expect(await onHost('web', 'www/index.html')).toBe('644 good');
    expect(await page('web')).toBe('good');
  });

  it('B-1 a service that was stopped counts as back when it is stopped', async () => {
    await lab.docker('stop', await on.container(on.project('web'), 'web'));
    await on.module('web', {
      compose: { services: { web: { ...WEB, command: ['sh', '-c', 'exit 4'] } } },
      spec: { smoke: SMOKE },
    });
    const ended = await change(on, 'web', 'stopped before');
    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result?.notes.join('\n')).toContain('stopped');
    const container = await on.container(on.project('web'), 'web');
    expect(await lab.docker('inspect', '--format', '{{.State.Running}} {{.Config.Cmd}}', container)).toBe(
      'false [httpd -f -p 8080 -h /www]',
    );
    expect((await statusOf(on, 'web')).row.outcome).toBe('rolled_back');
  });
});

it('B-1 the first apply ever fails: container and files are gone, the volume is kept', async () => {
  await on.repo.write('modules/fresh/conf/app.conf', 'x');
  await on.module('fresh', {
    compose: {
      services: {
        fresh: {
          ...WEB,
          volumes: ['./conf:/conf:ro', 'data:/data'],
          command: ['sh', '-c', 'echo kept >/data/f; exit 3'],
        },
      },
      volumes: { data: {} },
    },
    spec: { smoke: SMOKE },
  });
  const ended = await change(on, 'fresh');
  expect(ended.exit, ended.said).toBe(11);
  expect(await containers(on, 'fresh')).toEqual([]);
  expect(await absent('fresh', '')).toBe(true);
  expect(await lab.docker('volume', 'ls', '-q', '--filter', `name=${on.project('fresh')}_data`)).toBe(
    `${on.project('fresh')}_data`,
  );
  expect(ended.result?.notes.join('\n')).toContain('data');
  expect(await document(on, 'fresh')).toMatchObject({
    outcome: 'rolled_back',
    last_apply_sha: null,
    container_id: null,
  });
});

it('X-1 an image that cannot be pulled ends 7 before anything was touched, and the same plan applies once it is there', async () => {
  await served('image');
  const container = await on.container(on.project('image'), 'image');
  const reference = `127.0.0.1:1/${on.repo.id}:2`;
  await on.repo.write('modules/image/www/index.html', 'of the new image');
  await on.module('image', { compose: { services: { image: { ...WEB, image: reference } } }, spec: { smoke: SMOKE } });
  const failed = await change(on, 'image', 'no such image');
  expect(failed.exit, failed.said).toBe(7);
  expect(failed.result?.error?.code).toBe('PCTL-PULL');
  expect(await containers(on, 'image')).toEqual([container]);
  expect(await page('image')).toBe('good');
  expect(await onHost('image', 'www/index.html')).toBe('644 good');
  expect(await document(on, 'image')).toMatchObject({ outcome: 'applied', intent: null });

  await lab.docker('tag', 'lab/busybox:2', reference);
  const again = await apply(on, 'image');
  await lab.docker('rmi', reference).catch(() => '');
  expect(again.exit, again.said).toBe(9);
  expect(await page('image')).toBe('of the new image');
});

it('B-1 a service that runs already and whose first apply fails is back as it was', async () => {
  const host = lab.host().name;
  const compose =
    'services: {hand: {image: "lab/busybox:1", command: [httpd, -f, -p, "8080", -h, /www], volumes: ["./www:/www"], init: true, stop_grace_period: 1s}}';
  await on.module('hand', {
    compose: { services: { hand: { ...WEB, image: 'lab/busybox:2', command: ['sh', '-c', 'exit 5'] } } },
    spec: { smoke: SMOKE },
  });
  await on.repo.write('modules/hand/www/index.html', 'delivered');
  await on.onHost(
    host,
    `mkdir -p ${path('hand', 'www')} && cd ${path('hand', '')} && umask 077 && cat >compose.yaml && printf 'by hand' >www/index.html && docker compose -p ${on.project('hand')} up -d`,
    compose,
  );
  const ended = await change(on, 'hand');
  expect(ended.exit, ended.said).toBe(11);
  expect(await page('hand')).toBe('by hand');
  expect(await imageOf(await on.container(on.project('hand'), 'hand'))).toBe(lab.images['lab/busybox:1']);
  expect(await onHost('hand', 'compose.yaml')).toBe(`600 ${compose}`);
  expect(await onHost('hand', 'www/index.html')).toBe('600 by hand');
  expect(await document(on, 'hand')).toMatchObject({ outcome: 'rolled_back', last_apply_sha: null });
});

it('B-1 a compose file that the change moves: what was made from the old one is back', async () => {
  await served('moved');
  const container = await on.container(on.project('moved'), 'moved');
  await on.module('moved', {
    composeFile: 'modules/moved/docker-compose.yml',
    compose: { services: { moved: { ...WEB, command: ['sh', '-c', 'exit 3'] } } },
    spec: { smoke: SMOKE },
  });
  await on.repo.remove('modules/moved/compose.yaml');
  const ended = await change(on, 'moved');
  expect(ended.exit, ended.said).toBe(11);
  expect(await page('moved')).toBe('good');
  expect(await containers(on, 'moved')).not.toContain(container);
  expect(await absent('moved', 'docker-compose.yml')).toBe(true);
  expect(await document(on, 'moved')).toMatchObject({ outcome: 'rolled_back' });
});

it('a service that restarts in a loop can be repaired', async () => {
  await on.module('loop', {
    compose: {
      services: {
        loop: {
          ...WEB,
          restart: 'always',
          command: ['sh', '-c', 'test ! -e /data/bad && exec httpd -f -p 8080 -h /data'],
          volumes: ['./data:/data'],
        },
      },
    },
    spec: { smoke: SMOKE },
  });
  expect((await change(on, 'loop')).exit).toBe(9);
  await on.onHost(
    lab.host().name,
    `touch ${path('loop', 'data/bad')} && docker restart -t 0 ${await on.container(on.project('loop'), 'loop')}`,
  );
  await expect
    .poll(
      async () =>
        lab.docker('inspect', '--format', '{{.RestartCount}}', await on.container(on.project('loop'), 'loop')),
      { timeout: 60_000 },
    )
    .not.toMatch(/^[01]$/);
  await on.repo.write(
    'modules/loop/module.yaml',
    (await readFile(`${on.repo.dir}/modules/loop/module.yaml`, 'utf8')).replace('loop', 'loop'),
  );
  await on.module('loop', {
    compose: {
      services: { loop: { ...WEB, volumes: ['./data:/data'], command: ['httpd', '-f', '-p', '8080', '-h', '/data'] } },
    },
    spec: { smoke: SMOKE },
  });
  await on.repo.publish('repaired');
  const planned = await on.plan('loop');
  expect(on.reasons(planned, 'loop')).toContain('restart loop');
  await on.approve('loop');
  const ended = await apply(on, 'loop');
  expect(ended.exit, ended.said).toBe(9);
  expect(await containers(on, 'loop')).toHaveLength(1);
});

describe('V-2: smoke.http, asked from the host itself', () => {
  const smoke = (port: number, file: string, timeout: number) => ({
    smoke: {
      stable_seconds: 1,
      timeout_seconds: timeout,
      http: { url: `http://127.0.0.1:${port}/${file}`, status: 200 },
    },
  });

  it('the right answer ends 9, another one 11 with the answer', async () => {
    const port = await freePort();
    await served('http', { ports: [`127.0.0.1:${port}:8080`] }, smoke(port, 'index.html', 40));
    await on.repo.write('modules/http/www/index.html', 'other');
    await on.module('http', {
      compose: { services: { http: { ...WEB, ports: [`127.0.0.1:${port}:8080`] } } },
      spec: smoke(port, 'missing.html', 6),
    });
    const ended = await change(on, 'http', 'asks for what is not there');
    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result?.message).toContain('404');
    expect(await page('http')).toBe('good');
  });
});
