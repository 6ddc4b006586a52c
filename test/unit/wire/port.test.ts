import { expect, test } from 'vitest';
import { listeningInodes } from '../../../src/wire/port.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0000000000000000 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:18EB 0100007F:C3A4 01 00000000:00000000 00:00000000 00000000     0        0 3333 1 0000000000000000 20 4 30 10 -1
`;

test.each([
  { port: 6379, want: ['1111'] },
  { port: 8080, want: ['2222'] },
  { port: 80, want: [] },
])('the listeners on $port are $want', ({ port, want }) => {
  expect(listeningInodes(TABLE, port)).toEqual(want);
});

test('an empty table has none', () => {
  expect(listeningInodes('', 80)).toEqual([]);
});
