/** Where callbacks may go. */
import { describe, expect, test } from 'vitest';
import { signatureOf } from '../../../../src/gateway/queue/callback.ts';
import { callbackHosts, checkCallback, mayConnect, wrongHosts } from '../../../../src/gateway/queue/callback-hosts.ts';
import { checkQueue, type QueueValues } from '../../../../src/gateway/queue/check.ts';
import { resolveGateway } from '../../../../src/gateway/settings.ts';

const hosts = callbackHosts(['hooks.example.com', '*.default.svc', '10.0.0.0/8', 'fd00::/8', '192.168.1.7']);

describe('a URL', () => {
  test.each([
    'https://hooks.example.com/a?b=c',
    'http://HOOKS.example.com:8080/',
    'http://hooks.example.com./',
    'http://a.default.svc/',
    'http://a.b.default.svc/',
    'http://10.1.2.3/',
    'http://192.168.1.7/',
    'http://[fd00::1]/',
  ])('%s is allowed', (url) => {
    expect(checkCallback(url, hosts)).toBeInstanceOf(URL);
  });

  test.each([
    'hooks.example.com',
    'ftp://hooks.example.com/',
    'http://user:word@hooks.example.com/',
    'http://evilhooks.example.com/',
    'http://hooks.example.com.evil.com/',
    'http://default.svc/',
    'http://8.8.8.8/',
    'http://192.168.1.8/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://localhost/',
  ])('%s is refused', (url) => {
    expect(() => checkCallback(url, hosts)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

test.each([
  ['8.8.8.8', true],
  ['10.9.9.9', true],
  ['192.168.1.7', true],
  ['192.168.1.8', false],
  ['172.16.0.1', false],
  ['127.0.0.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['2606:4700::1111', true],
  ['fd00::1', true],
  ['fc00::1', false],
  ['fe80::1', false],
  ['::1', false],
  ['::', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:169.254.169.254', false],
  ['64:ff9b::7f00:1', false],
  ['::7f00:1', false],
  ['::ffff:0:127.0.0.1', false],
  ['fec0::1', false],
  ['hooks.example.com', false],
])('a name that leads to %s may be connected to: %s', (address, may) => {
  expect(mayConnect(address, hosts)).toBe(may);
});

test('entries that are no host are found', () => {
  const good = ['a', 'a-b.example.com', '*.svc', '10.0.0.0/8', '::1/128', '1.2.3.4'];
  const bad = ['http://a', '*', '*.', 'a/b', '10.0.0.0/33', 'a b', '-a', '10.0.0.0/8/8', ''];
  expect(wrongHosts([...good, ...bad])).toEqual(bad);
});

test('the signature holds for one time, one job and one body', () => {
  const told = { id: 'j', reply: { head: '', body: Buffer.from('body') } };
  const secret = 'x'.repeat(16);
  const first = signatureOf(secret, 1, told);
  expect(first).toMatch(/^t=1,v1=[0-9a-f]{64}$/);
  const others = [
    signatureOf(secret, 2, told),
    signatureOf(secret, 1, { ...told, id: 'k' }),
    signatureOf(secret, 1, { ...told, reply: { head: '', body: Buffer.from('bodY') } }),
    signatureOf('y'.repeat(16), 1, told),
  ];
  expect(new Set([first, ...others].map((each) => each.split('=').at(-1))).size).toBe(5);
});

describe('the options', () => {
  const values: QueueValues = {
    queue_redis: 'redis://r',
    queue_name: 'gateway',
    queue_callback_hosts: ['a'],
    queue_callback_secret: 'x'.repeat(16),
  };
  const says = (more: Partial<QueueValues>, ...typed: string[]) =>
    checkQueue({ ...values, ...more }, (name) => typed.includes(name)).map(({ message }) => message);

  test.each([
    { what: 'all that is needed', more: {}, typed: [], says: [] },
    { what: 'no callbacks', more: { queue_callback_hosts: [], queue_callback_secret: undefined }, typed: [], says: [] },
    { what: 'a bad name', more: { queue_name: 'a b' }, typed: [], says: ['--queue_name "a b" is no name'] },
    {
      what: 'no secret',
      more: { queue_callback_secret: undefined },
      typed: [],
      says: ['--queue_callback_hosts is set, and callbacks have nothing to be signed with'],
    },
    {
      what: 'a secret that is short and was typed',
      more: { queue_callback_secret: 'hunter2' },
      typed: ['queue_callback_secret'],
      says: [
        '--queue_callback_secret is a secret, which every user of this machine can read in a flag',
        'MUSTER_GATEWAY_QUEUE_CALLBACK_SECRET has fewer than 16 bytes',
      ],
    },
    {
      what: 'no host, and no queue',
      more: { queue_callback_hosts: ['a/b'], queue_redis: undefined },
      typed: [],
      says: [
        '--queue_callback_hosts has "a/b", which is no host',
        '--queue_callback_hosts is set, and there is no queue',
      ],
    },
  ])('$what', ({ more, typed, says: expected }) => {
    const messages = says(more, ...typed);
    expect(messages).toEqual(expected);
    expect(messages.join()).not.toContain('hunter2');
  });
});

test('a password in the address of Redis is refused as a flag, taken from the environment, and never said', () => {
  const argv = ['--predictor_host=p:9000'];
  const url = 'redis://:hunter2@r:6379';
  const typed = resolveGateway([...argv, `--queue_redis=${url}`], {});
  expect(typed.refusals.map(({ message, hint }) => [message, hint])).toEqual([
    [
      '--queue_redis holds a password, which every user of this machine can read',
      'Set MUSTER_GATEWAY_QUEUE_REDIS from a secret instead.',
    ],
  ]);
  expect(resolveGateway(argv, { MUSTER_GATEWAY_QUEUE_REDIS: url }).settings?.queue_redis).toBe(url);
  expect(JSON.stringify(resolveGateway(argv, { MUSTER_GATEWAY_QUEUE_REDIS: `x${url}` }).refusals)).not.toContain(
    'hunter2',
  );
});
