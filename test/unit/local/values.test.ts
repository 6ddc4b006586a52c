/** The small readers: sizes, subnets, names, places. */
import { describe, expect, test } from 'vitest';
import { pick } from '../../../src/cli/local-group.ts';
import { addressesIn } from '../../../src/local/addresses.ts';
import { withTag } from '../../../src/local/image.ts';
import { ownerOf } from '../../../src/local/image-user.ts';
import { lateMembers } from '../../../src/local/late.ts';
import { formatBytes, parseBytes } from '../../../src/local/sizes.ts';
import { parseHost } from '../../../src/local/where-docker.ts';
import { whichMember } from '../../../src/local/which-member.ts';

test.each([
  ['512m', 512 * 2 ** 20],
  ['3g', 3 * 2 ** 30],
  ['3Gi', 3 * 2 ** 30],
  ['3GB', 3 * 2 ** 30],
  ['1.5G', 1.5 * 2 ** 30],
  ['10b', 10],
  ['10', undefined],
  ['g', undefined],
  ['-1g', undefined],
  ['1gx', undefined],
])('size %s → %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

test.each([
  [2 ** 30, '1 GiB'],
  [23.54 * 2 ** 30, '23.5 GiB'],
  [512 * 2 ** 20, '512 MiB'],
  [1000, '1 KiB'],
])('%s bytes → %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  { subnet: '172.18.0.0/16', count: 2, want: ['172.18.0.2', '172.18.0.3'] },
  { subnet: '10.0.0.248/29', count: 5, want: ['10.0.0.250', '10.0.0.251', '10.0.0.252', '10.0.0.253', '10.0.0.254'] },
  { subnet: '10.0.0.248/29', count: 6, want: undefined },
  { subnet: '10.0.255.0/16', count: 1, want: ['10.0.255.2'] },
  { subnet: 'fd00::/64', count: 1, want: undefined },
  { subnet: '', count: 1, want: undefined },
])('$count members in $subnet', ({ subnet, count, want }) => expect(addressesIn(subnet, count)).toEqual(want));

test.each([
  ['g-2', 'g-2'],
  ['2', 'g-2'],
  ['head', 'g-0'],
  ['g-3', undefined],
  ['-1', undefined],
  ['worker', undefined],
  ['x-1', undefined],
  ['1.0', undefined],
])('"%s" of a group of three → %s', (said, name) => expect(whichMember(said, 'g', 3)).toBe(name));

test.each([
  { entry: 'head=30', want: { 'g-0': 30 } },
  { entry: '1=2.5', want: { 'g-1': 2.5 } },
  { entry: '7=1', want: undefined },
  { entry: 'head=x', want: undefined },
  { entry: 'head', want: undefined },
])('--late $entry', ({ entry, want }) => {
  const { seconds, refusals } = lateMembers([entry], { name: 'g', members: 3 });
  expect(seconds).toEqual(want ?? {});
  expect(refusals.map(({ code }) => code)).toEqual(want ? [] : ['USAGE']);
});

test.each([
  ['a', 'a:latest'],
  ['a:1', 'a:1'],
  ['host:5000/a', 'host:5000/a:latest'],
  ['host:5000/a:1', 'host:5000/a:1'],
  [`a@sha256:${'0'.repeat(64)}`, `a@sha256:${'0'.repeat(64)}`],
])('image %s → %s', (image, tagged) => expect(withTag(image)).toBe(tagged));

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nkserve:x:1000:1001::/srv/kserve:/bin/sh\n';
test.each([
  { user: '', want: { uid: 0, gid: 0 } },
  { user: '65532:65532', want: { uid: 65532, gid: 65532 } },
  { user: '1000', want: { uid: 1000, gid: 0 } },
  { user: 'kserve', want: { uid: 1000, gid: 1001 } },
  { user: 'kserve:7', want: { uid: 1000, gid: 7 } },
  { user: 'nobody', want: undefined },
])('USER "$user"', ({ user, want }) => expect(ownerOf(user, PASSWD)).toEqual(want));

test('without /etc/passwd a name is nobody', () => expect(ownerOf('kserve', undefined)).toBeUndefined());

describe('DOCKER_HOST', () => {
  test.each([
    { text: 'unix:///run/x.sock', want: { socket: '/run/x.sock' } },
    { text: 'tcp://127.0.0.1:2375', want: { host: '127.0.0.1', port: 2375 } },
    { text: 'tcp://[::1]:2375', want: { host: '::1', port: 2375 } },
    { text: 'http://localhost:1/', want: { host: 'localhost', port: 1 } },
  ])('$text', ({ text, want }) => expect(parseHost(text)).toMatchObject(want));

  test.each(['ssh://me@there', 'tcp://10.0.0.1:2375', 'tcp://127.0.0.1', 'nonsense'])('%s → refused', (text) => {
    expect(parseHost(text)).toMatchObject({
      refusal: { code: 'CONFIG_INVALID', message: expect.stringContaining(text) },
    });
  });
});

describe('which group is meant', () => {
  test('the one that is named, or the only one', () => {
    expect(pick(['a', 'b'], 'b')).toBe('b');
    expect(pick(['a'], undefined)).toBe('a');
  });

  test.each([
    { names: ['a', 'b'], asked: undefined, code: 'USAGE', says: 'a, b' },
    { names: ['a', 'b'], asked: 'c', code: 'GROUP_MISSING', says: '"c"; there are: a, b' },
    { names: [], asked: undefined, code: 'GROUP_MISSING', says: 'there is no group' },
  ])('of $names, $asked → $code', ({ names, asked, code, says }) => {
    expect(() => pick(names, asked)).toThrowError(
      expect.objectContaining({ code, message: expect.stringContaining(says) }),
    );
  });
});
