import { describe, expect, test } from 'vitest';
import { resolveGateway } from '../../../../src/gateway/settings.ts';

const resolve = (...argv: string[]) => resolveGateway(['--predictor_host=p:9000', ...argv], {});

describe('the ports', () => {
  test.each([
    { argv: [], ports: [8080, 8081], onePort: false },
    { argv: ['--http_port=9000', '--grpc_port=9000'], ports: [9000, 9000], onePort: true },
    { argv: ['--http_port=0'], ports: [0, 0], onePort: false },
    { argv: ['--http_port=0', '--grpc_port=8081'], ports: [0, 8081], onePort: false },
    { argv: ['--http_port=8081'], ports: [8081, 8081], onePort: true },
    { argv: ['--http_port=8081', '--enable_grpc=false'], ports: [8081, 8081], onePort: false },
  ])('$argv → $ports, on one: $onePort', ({ argv, ports, onePort }) => {
    const { settings } = resolve(...argv);
    expect([settings?.http_port, settings?.grpc_port]).toEqual(ports);
    expect(settings?.onePort).toBe(onePort);
  });
});

describe('TLS', () => {
  test.each([
    { argv: ['--ssl_certfile=c'], says: '--ssl_certfile is given, --ssl_keyfile is not' },
    { argv: ['--ssl_keyfile=k'], says: '--ssl_keyfile is given, --ssl_certfile is not' },
    { argv: ['--ssl_ca_certs=a'], says: '--ssl_ca_certs is given, --ssl_certfile and --ssl_keyfile are not' },
  ])('$argv alone is refused', ({ argv, says }) => {
    const { refusals, settings } = resolve(...argv);
    expect([settings, refusals.map(({ message }) => message)]).toEqual([
      undefined,
      [`TLS needs a certificate and its key: ${says}`],
    ]);
  });

  test('certificate and key are enough', () =>
    expect(resolve('--ssl_certfile=c', '--ssl_keyfile=k').settings).toMatchObject({ ssl_certfile: 'c' }));
});

test("KServe's limits are taken", () => {
  const { settings, notes } = resolve('--grpc_max_receive_message_length=8388608', '--grpc_max_send_message_length=1');
  expect(settings).toMatchObject({ grpc_max_receive_message_length: 8_388_608, grpc_max_send_message_length: 1 });
  expect(notes).toEqual([]);
});
