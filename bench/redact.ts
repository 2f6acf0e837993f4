/** O-4: the redactor is faster than the SSH channel that feeds it. Both move the same log, on one core each. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { createRedactor } from '../src/secret/redactor.js';
import { Secret } from '../src/secret/secret.js';
import { startLab } from '../test/lab/lab.js';
import { compare, type Row } from './measure.js';

const MEBIBYTES = 64;
const CHUNK = 64 * 1024;

const LINES = [
  '2026-11-24T12:04:01Z web GET /api/v1/items?page=3&size=50 200 14ms 10.0.4.17 "Mozilla/5.0 (X11; Linux x86_64)"',
  '2026-11-24T12:04:01Z web level=info msg="job finished" queue=default job=4711 duration=1.204s attempts=1',
  '{"time":"2026-11-24T12:04:01Z","level":"debug","message":"cache miss","key":"user:42:profile","ttl":300}',
  '2026-11-24T12:04:02Z web connecting to postgres://web:example-password@database:5432/web',
];

function log(): Buffer {
  const block = `${LINES.join('\n')}\n`;
  return Buffer.from(block.repeat(Math.ceil((MEBIBYTES * 2 ** 20) / block.length)));
}

export async function redact(): Promise<Row[]> {
  const bytes = log();
  const secrets = ['correct-horse-battery', 'another-secret-value'].map(
    (text, index) => new Secret(text, `bench ${index}`),
  );
  const lab = await startLab();
  const file = `${lab.dir}/bench.log`;
  try {
    const descriptor = openSync(file, 'w', 0o644);
    writeSync(descriptor, bytes);
    closeSync(descriptor);
    return [
      await compare(
        {
          what: `redactor, ${MEBIBYTES} MiB of log, 2 known secrets`,
          baseline: '`ssh HOST cat` of the same over loopback',
        },
        5,
        async () => {
          const started = process.hrtime.bigint();
          const stream = createRedactor({ secrets }).stream();
          for (let at = 0; at < bytes.length; at += CHUNK) stream.push(bytes.subarray(at, at + CHUNK));
          stream.end();
          return Number(process.hrtime.bigint() - started) / 1e9;
        },
        async () => {
          const started = process.hrtime.bigint();
          const { exit, stderr } = await lab.asAgent(lab.host(), `cat ${file}`);
          if (exit !== 0) throw new Error(stderr);
          return Number(process.hrtime.bigint() - started) / 1e9;
        },
      ),
    ];
  } finally {
    rmSync(file, { force: true });
    await lab.stop();
  }
}
