import { describe, expect, it } from 'vitest';
import { plainSecrets } from '../../src/secret/plain.js';

const lines = (text: string) => plainSecrets(Buffer.from(text));

describe('O-3 what a file holds in plain', () => {
  it.each([
    '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n',
    `AGE-SECRET-KEY-1${'Q'.repeat(58)}\n`,
    'password: hunter22\n',
    'password: "hunter22"\n',
    'admin_password = hunter22\n',
    '      - POSTGRES_PASSWORD=hunter22\n',
    'POSTGRES_PASSWORD: ${DB_PASSWORD:-hunter22}\n',
    'command: redis-server --requirepass hunter22\n',
    'url: postgres://u:hunter22@db/x\n',
    'url: https://u:hunter22@example.net/x\n',
    `token = ghp_${'a'.repeat(36)}\n`,
    '{"password":"hunter22"}',
    'url: https://abcd1234efgh:@git/x\n',
    'password: hunter22:\n',
    'token: abcdef:no\n',
    'admin:$apr1$Vd3rJ8bO$Qq8mXo2d1f0c9rXk0y3a1.\n',
    'admin:$2y$05$abcdefghijklmnopqrstuuJ3rW0e1uP6x5yqj0m1yq1w2e3r4t5y6\n',
    'admin:$apr1$AB12CD34$Qq8mXo2d1f0c9rXk0y3a1.\n',
    'root:$6$SALTSALTSALTSALT$Qq8mXo2d1f0c9rXk0y3a1.:1::\n',
    'admin:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n',
    '- "traefik.http.middlewares.a.basicauth.users=admin:$$apr1$$Vd3rJ8bO$$Qq8mXo2d1f0c9rXk0y3a1."\n',
    'requirepass hunter22\n',
    '  masterauth "hunter 22"\r\n',
    'insecure-password hunter22;\n',
  ])('%j', (text) => expect(lines(text)).toEqual([1]));

  it.each([
    'POSTGRES_PASSWORD: ${DB_PASSWORD}\n',
    'POSTGRES_PASSWORD: "${DB_PASSWORD}"\n',
    'POSTGRES_PASSWORD: $DB_PASSWORD\n',
    'POSTGRES_PASSWORD: ${DB_PASSWORD:?set it}\n',
    '- POSTGRES_PASSWORD=${DB_PASSWORD}\n',
    'url: postgres://u:${DB_PASSWORD:?}@db/x\n',
    'url: https://u:${DB_PASSWORD}@example.net/x\n',
    'command: ["redis-server", "--requirepass", "${DB_PASSWORD}"]\n',
    'o: "username=${U},password=${P},uid=1000"\n',
    'command: PGPASSWORD=$$POSTGRES_PASSWORD psql\n',
    'PASSWORD: ${A}${B}\n',
    'password:\n',
    'password: ""\n',
    'POSTGRES_PASSWORD_FILE: /run/secrets/db\n',
    'secrets:\n  db_password:\n    file: ./db.txt\n',
    'secrets: [db_password]\n',
    'cookie_secure = true;\n',
    'TOKEN="$(cat /run/secrets/token)"\n',
    'ssl_certificate /etc/tls/cert.pem;\n',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'image: x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n',
    'proxy_pass http://app:8080;\n',
    'fastcgi_pass php;\n',
    '# requirepass foobared\n',
    'password must be long\n',
    'requirepass ${REDIS_PASSWORD}\n',
    'password_file /mosquitto/passwd\n',
    'PASSWORD: |\n  ${PASSWORD}\n',
    'NOTES: |\n  $1$ is a price\n',
    'secrets: |\n  x\n',
  ])('nothing in %j', (text) => expect(lines(text)).toEqual([]));

  it.each(['PASSWORD: |\n  hunter22\n', '- api-key: >-\r\n\r\n    hunter22'])('in a block: %j', (text) =>
    expect(lines(text)).toEqual([text.split('\n').findIndex((line) => line.includes('hunter')) + 1]),
  );

  it('names each line once', () => {
    expect(lines('a: 1\npassword: x1, token: y\n\r\n\npassword: ${A}\napi_key: z\n')).toEqual([2, 6]);
  });
});
