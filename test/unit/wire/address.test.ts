import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/wire/address.ts';

test.each([
  { text: 'head:6379', host: 'head', port: 6379 },
  { text: 'my_head.ns.svc.cluster.local:1', host: 'my_head.ns.svc.cluster.local', port: 1 },
  { text: '10.0.0.1:65535', host: '10.0.0.1', port: 65_535 },
  { text: '[::1]:6379', host: '::1', port: 6379 },
  { text: '[fe80::1%eth0]:6379', host: 'fe80::1%eth0', port: 6379 },
  { text: '[::ffff:10.0.0.1]:80', host: '::ffff:10.0.0.1', port: 80 },
])('parseAddress $text and back', ({ text, host, port }) => {
  expect(parseAddress(text)).toEqual({ host, port });
  expect(formatAddress({ host, port })).toBe(text);
});

test.each([
  '',
  'head',
  ':6379',
  'head:',
  'head:0',
  'head:65536',
  'head:6379/x',
  '::1:6379',
  'a b:1',
  '[head]:1',
  'h:1e3',
])('parseAddress refuses "%s"', (text) => {
  expect(parseAddress(text)).toEqual({ error: expect.any(String) });
});
