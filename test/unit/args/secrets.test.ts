import { describe, expect, test } from 'vitest';
import { isSecretName, maskArgs, maskEnv } from '../../../src/launch/args/secrets.ts';
import fc from '../../property.ts';

test.each([
  ...[
    '--api-key',
    '--api_key',
    'OPENAI_APIKEY',
    '--hf-token',
    'HF_TOKEN',
    '--redis-password',
    '--passwd',
    'PASSPHRASE',
  ],
  ...['AWS_SECRET_ACCESS_KEY', '--credentials', '--ssl-private-key', 'Authorization', '--token', '--admin-api-key'],
])('%s announces a secret', (name) => {
  expect(isSecretName(name)).toBe(true);
});

test.each([
  ...['--tokenizer', '--tokenizer-mode', '--max-tokens', '--max-num-batched-tokens', '--max_tokens_per_batch'],
  ...['--skip-tokenizer-init', '--port', '--model', '--key', '--ssl-keyfile'],
])('%s does not', (name) => {
  expect(isSecretName(name)).toBe(false);
});

describe('maskArgs', () => {
  test.each([
    { args: ['--api-key=s', '--port=1'], want: ['--api-key=***', '--port=1'] },
    { args: ['--api-key', 's', '--port', '1'], want: ['--api-key', '***', '--port', '1'] },
    { args: ['--api-key', 's', 't', '--port', '1'], want: ['--api-key', '***', '***', '--port', '1'] },
    { args: ['--api-key', '-s', '-tp', '1'], want: ['--api-key', '***', '-tp', '1'] },
    { args: ['--api-key=s=t', 'x'], want: ['--api-key=***', 'x'] },
    { args: ['--api-key', '--port', '1'], want: ['--api-key', '--port', '1'] },
    { args: ['--tokenizer', 'a', '--max-tokens', '5'], want: ['--tokenizer', 'a', '--max-tokens', '5'] },
    { args: ['--x={"api_key": "s", "a": "b"}'], want: ['--x={"api_key": "***", "a": "b"}'] },
    { args: ['{"hf_token":"a\\"b"}'], want: ['{"hf_token":"***"}'] },
    { args: ['--redis=redis://me:s@host:1/2'], want: ['--redis=redis://me:***@host:1/2'] },
    { args: ['http://host:80/a@b'], want: ['http://host:80/a@b'] },
    { args: ['token', 'x'], want: ['token', 'x'] },
    { args: ['-c', 'serve --api-key=s --port 1'], want: ['-c', 'serve --api-key=*** --port 1'] },
    { args: ['-c', 'serve --api-key s --port=1'], want: ['-c', 'serve --api-key *** --port=1'] },
    { args: ['HF_TOKEN=s serve'], want: ['HF_TOKEN=*** serve'] },
    { args: ['http://a/?token=s'], want: ['http://a/?token=***'] },
    { args: ['--max-tokens=5 --tokenizer x'], want: ['--max-tokens=5 --tokenizer x'] },
    { args: [], want: [] },
  ])('$args → $want', ({ args, want }) => {
    expect(maskArgs(args)).toEqual(want);
  });

  const secret = fc.string({ minLength: 8 }).map((text) => `<${text}>`);
  test('no value of a secret flag survives, in either spelling, and nothing else changes', () => {
    fc.assert(
      fc.property(secret, (value) => {
        expect(maskArgs(['a', `--api-key=${value}`, 'b'])).toEqual(['a', '--api-key=***', 'b']);
        expect(maskArgs(['a', '--api-key', value, '--b'])).toEqual(['a', '--api-key', '***', '--b']);
      }),
    );
  });

  test('a hundred thousand characters of quotes or colons take no time', () => {
    const from = performance.now();
    for (const evil of [
      '"'.repeat(1e5),
      '://'.repeat(3e4),
      '"a":'.repeat(3e4),
      '-a'.repeat(5e4),
      'a '.repeat(5e4),
      '\\"'.repeat(5e4),
    ])
      maskArgs([evil]);
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

test('maskEnv goes by the name, and looks into values', () => {
  expect(maskEnv({ HF_TOKEN: 's', PORT: '1', URL: 'http://a:s@b' })).toEqual({
    HF_TOKEN: '***',
    PORT: '1',
    URL: 'http://a:***@b',
  });
});
