/** argv and env to settings: KServe's words, every complaint at once. */
import { describe, expect, test } from 'vitest';
import { resolveGateway } from '../../../src/gateway/settings.ts';

const PREDICTOR = ['--predictor_host', 'p:9000'];

describe('resolveGateway', () => {
  test("has KServe's defaults", () => {
    expect(resolveGateway(PREDICTOR, {}).settings).toMatchObject({
      model_name: ['model'],
      predictor: { host: 'p', port: 9000 },
      predictor_protocol: 'v1',
      predictor_use_ssl: false,
      predictor_request_timeout_seconds: 600,
      http_port: 8080,
      graceful_timeout_seconds: 30,
    });
  });

  test.each([
    { when: 'as two words', argv: ['--http_port', '9'] },
    { when: 'with =', argv: ['--http_port=9'] },
    { when: 'with dashes', argv: ['--http-port=9'] },
    { when: 'from the environment', argv: [], env: { MUSTER_GATEWAY_HTTP_PORT: '9' } },
    { when: 'from the flag before the environment', argv: ['--http_port=9'], env: { MUSTER_GATEWAY_HTTP_PORT: '8' } },
  ])('reads a value $when', ({ argv, env }) => {
    expect(resolveGateway([...PREDICTOR, ...argv], env ?? {}).settings?.http_port).toBe(9);
  });

  test.each([
    { text: 'resnet', want: { host: 'resnet', port: 80 } },
    { text: 'resnet', tls: 'true', want: { host: 'resnet', port: 443 } },
    { text: 'resnet.default:9000', want: { host: 'resnet.default', port: 9000 } },
    { text: '[::1]:9000', want: { host: '::1', port: 9000 } },
  ])('finds the predictor at $text', ({ text, tls = 'false', want }) => {
    const argv = ['--predictor_host', text, '--predictor_use_ssl', tls];
    expect(resolveGateway(argv, {}).settings?.predictor).toEqual(want);
  });

  test.each([
    { argv: ['--predictor_use_ssl'], want: true },
    { argv: ['--predictor_use_ssl', 'False'], want: false },
    { argv: ['--predictor_use_ssl=yes'], want: true },
  ])('reads the switch $argv', ({ argv, want }) => {
    expect(resolveGateway([...PREDICTOR, ...argv], {}).settings?.predictor_use_ssl).toBe(want);
  });

  test("takes what KServe's controller and its users pass, and says what has no effect", () => {
    const argv = ['--model_name=m', '--workers=4', '--enable_docs_url', '--max_threads', '2', '--event-loop=uvloop'];
    const { settings, notes } = resolveGateway([...PREDICTOR, ...argv], {});
    expect(settings?.model_name).toEqual(['m']);
    expect(notes.map((note) => note.split(' ')[0])).toEqual([
      '--workers',
      '--max_threads',
      '--enable_docs_url',
      '--event_loop',
    ]);
  });

  test.each([
    { argv: ['--predictor_ca_file=ca.crt'], notes: ['--predictor_ca_file has no effect'] },
    { argv: ['--predictor_ca_file=ca.crt', '--predictor_use_ssl'], notes: [] },
  ])('$argv: what is said of files for TLS', ({ argv, notes }) => {
    expect(resolveGateway([...PREDICTOR, ...argv], {}).notes.map((note) => note.split(':')[0])).toEqual(notes);
  });

  test('the last of two counts, as in argparse, and it says so', () => {
    const { settings, notes } = resolveGateway([...PREDICTOR, '--http_port=1', '--http_port=2'], {});
    expect([settings?.http_port, notes]).toEqual([
      2,
      ['--http_port is given twice: the last one counts, as in KServe'],
    ]);
  });

  test.each([
    { protocol: 'v1', refused: 1 },
    { protocol: 'v2', refused: 0 },
  ])('an image transform before a predictor that speaks $protocol: $refused refusals', ({ protocol, refused }) => {
    const argv = [...PREDICTOR, `--predictor_protocol=${protocol}`, '--transform=image,classify'];
    const { refusals } = resolveGateway(argv, {});
    expect(refusals.filter(({ message }) => message.includes('--transform image needs to know'))).toHaveLength(refused);
  });

  test.each(['collector:4318', 'collector', '4317', 'grpc://collector:4317'])(
    'the collector "%s" is refused before anything starts',
    (endpoint) => {
      const { refusals } = resolveGateway([...PREDICTOR, `--otlp_endpoint=${endpoint}`], {});
      expect(refusals.map(({ message }) => message)).toEqual(['--otlp_endpoint is no http:// or https:// URL']);
    },
  );

  test('says everything that is wrong at once', () => {
    const argv = [
      '--http_port=70000',
      '--predictor_protocol=grpc',
      '--bogus',
      'stray',
      '--max_body_bytes',
      '--log_level=info',
      '--log_level=warn',
    ];
    const { settings, refusals } = resolveGateway(argv, { MUSTER_GATEWAY_DRAIN_SECONDS: 'soon' });
    expect(settings).toBeUndefined();
    expect(refusals.map(({ message }) => message)).toEqual([
      '"--bogus" is no option of muster gateway',
      '"stray" is no option of muster gateway',
      '--max_body_bytes needs a value',
      '--predictor_protocol is "grpc", not one of v1, v2, grpc-v2, grpc-tfs, v1-tfs, openai',
      '--http_port is "70000", not a whole number from 0 to 65535',
      'MUSTER_GATEWAY_DRAIN_SECONDS is "soon", not a number of seconds from 0 to 3600',
      '--predictor_host is missing',
    ]);
  });
});
