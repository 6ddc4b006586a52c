import { describe, expect, test } from 'vitest';
import { BENCH_OPTIONS } from '../../../src/bench/options.ts';
import { settle } from '../../../src/bench/settings.ts';
import { parseFlags } from '../../../src/launch/args/parse-flags.ts';
import { resolveOptions } from '../../../src/launch/args/settings.ts';

const settled = (...argv: string[]) => {
  const options = BENCH_OPTIONS.protocols;
  const { flags, refusals } = parseFlags(argv, { options, help: '' });
  const { settings, refusals: wrong } = resolveOptions(options, flags, {});
  const { settled: to, refusals: unsettled } = settle(settings);
  return { to, says: [...refusals, ...wrong, ...unsettled].map(({ message }) => message) };
};
const LEAST = ['--upstream', 'triton:8001', '--model', 'm'];

describe('muster bench protocols', () => {
  test('needs where gRPC is spoken and a model, and assumes the rest', () => {
    expect(settled(...LEAST).to).toEqual({
      protocols: {
        grpc: { host: 'triton', port: 8001 },
        rest: undefined,
        tls: undefined,
        model: 'm',
        version: '',
        body: undefined,
        shapes: new Map(),
        limit: { ms: 5_000, requests: undefined },
        concurrency: 8,
        rounds: 3,
        timeoutMs: 30_000,
        through: undefined,
        svg: undefined,
      },
    });
  });

  test.each([
    { argv: ['--requests', '40'], want: { limit: { ms: 60_000, requests: 40 } } },
    { argv: ['--seconds', '0.5'], want: { limit: { ms: 500, requests: undefined } } },
    {
      argv: ['--shape', 'a=1x224x3', '--shape', 'b=c=7'],
      want: {
        shapes: new Map([
          ['a', [1, 224, 3]],
          ['b=c', [7]],
        ]),
      },
    },
    { argv: ['--tls'], want: { tls: { ca: undefined, cert: undefined, key: undefined } } },
    { argv: ['--tls', '--tls-ca', 'ca.pem'], want: { tls: { ca: 'ca.pem', cert: undefined, key: undefined } } },
    { argv: ['--through', 'https://resnet.default/x'], want: { through: new URL('https://resnet.default/x') } },
  ])('$argv', ({ argv, want }) => {
    expect(settled(...LEAST, ...argv).to).toMatchObject({ protocols: want });
  });

  test.each([
    { argv: ['9000'], want: { host: '0.0.0.0', port: 9000 } },
    { argv: ['[::1]:9000'], want: { host: '::1', port: 9000 } },
  ])('--listen $argv needs no model', ({ argv, want }) => {
    const { to } = settled('--upstream', 'triton:8001', '--listen', ...argv);
    expect(to).toMatchObject({ listen: { listen: want, grpc: { host: 'triton', port: 8001 }, requests: undefined } });
  });

  test.each([
    { argv: [], says: ['--upstream is missing', '--model is missing'] },
    {
      argv: ['--upstream', 'triton', '--rest', 'triton', '--listen', 'x'],
      says: ['--upstream: "triton" is', '--rest: "triton" is', '--listen: "x" is'],
    },
    { argv: [...LEAST, '--shape', 'a'], says: ['--shape "a" is not NAME=1x224x224x3'] },
    { argv: [...LEAST, '--shape', 'a=1', '--shape', 'a=2'], says: ['--shape names "a" twice'] },
    { argv: [...LEAST, '--through', 'resnet:8080'], says: ['--through "resnet:8080" is no http'] },
    { argv: [...LEAST, '--through', 'http://me:secret@x'], says: ['--through with an @ is no'] },
    {
      argv: [...LEAST, '--tls-cert', 'a', '--tls-key', 'b'],
      says: ['--tls-cert says nothing', '--tls-key says nothing'],
    },
    { argv: ['--upstream', 'a:1', '--listen', '9000', '--svg', 'x'], says: ['--svg says nothing with --listen'] },
    { argv: [...LEAST, '--rounds', '0'], says: ['--rounds is "0"'] },
  ])('$argv is refused, all of it at once', ({ argv, says }) => {
    const { to, says: said } = settled(...argv);
    if (says[0] !== '--rounds is "0"') expect(to).toBeUndefined();
    expect(said).toHaveLength(says.length);
    for (const [at, words] of says.entries()) expect(said[at]).toContain(words);
  });

  test('a password in --through is not repeated', () => {
    expect(settled(...LEAST, '--through', 'http://me:secret@x').says.join()).not.toContain('secret');
  });
});
