import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CODES, MusterError } from '../../../src/errors.ts';
import { MAX_RUNTIME_BYTES } from '../../../src/launch/catalogue/limits.ts';
import { parseRuntime } from '../../../src/launch/catalogue/parse.ts';
import { runtimeJsonSchema } from '../../../src/launch/catalogue/schema.ts';
import { RUNTIMES, SHIPPED } from '../plan/fixture.ts';

const GOOD = `name: mine
title: My server
model: none
engine: { several: none, single: none }
engines: { none: { head: [server, "{server_args}"] } }
devices: { kind: cpu }
ports: { http: { default: 8080 } }
health: { kind: tcp }
`;

/** What is wrong with a text, without the part that names the file. */
function complaints(text: string): string[] {
  try {
    parseRuntime(text, '/r/mine.yaml');
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(MusterError);
    const { refusals, exitStatus } = error as MusterError;
    expect(exitStatus).toBe(65);
    for (const { code, message } of refusals) {
      expect(code).toBe('RUNTIME_INVALID');
      expect(message).toMatch(/^runtime file \/r\/mine\.yaml: /);
    }
    return refusals.map(({ message }) => message.replace('runtime file /r/mine.yaml: ', ''));
  }
}

const head = (items: string): string => GOOD.replace('[server, "{server_args}"]', items);

test('every runtime that ships is right, and named like its file', () => {
  expect([...SHIPPED].map(([name, runtime]) => runtime.name === name)).not.toContain(false);
  expect([...SHIPPED.keys()]).toEqual(
    expect.arrayContaining(['demo', 'huggingfaceserver', 'sglang', 'triton', 'vllm']),
  );
});

test('runtimes/schema.json is what the code says (else: npm run build)', () => {
  expect(JSON.parse(readFileSync(join(RUNTIMES, 'schema.json'), 'utf8'))).toEqual(runtimeJsonSchema());
});

describe('a small file', () => {
  test('is filled with defaults', () => {
    expect(parseRuntime(GOOD, 'f')).toMatchObject({
      name: 'mine',
      reads: {},
      variables: {},
      env: {},
      smoke: [],
      graceSeconds: 30,
      readyTimeoutSeconds: 1800,
      ports: { http: { default: 8080, spellings: [] } },
    });
  });

  test('may use anchors', () => {
    const runtime = parseRuntime(
      GOOD.replace('{ none: {', '{ native: { head: &c [x, "{server_args}"], worker: *c }, none: {'),
      'f',
    );
    expect(runtime.engines.native?.worker).toEqual(['x', '{server_args}']);
  });

  test('may have variables of its own', () => {
    const text = `${head('[server, "--x={my_thing}", "{server_args}"]')}variables: { my_thing: { env: X, describe: d } }\n`;
    expect(complaints(text)).toEqual([]);
  });
});

describe('what is refused, and in which words', () => {
  test.each([
    { when: 'the file is empty', text: '', says: '(top): Invalid input: expected object' },
    { when: 'it is a list', text: '- 1', says: '(top): Invalid input: expected object' },
    { when: 'it is no YAML', text: 'a: [', says: 'Flow sequence' },
    { when: 'an alias has no anchor', text: 'a: *b', says: 'Unresolved alias' },
    { when: 'a key is there twice', text: `${GOOD}name: other\n`, says: 'Map keys must be unique' },
    {
      when: 'a nested key is there twice',
      text: GOOD.replace('kind: cpu', 'kind: cpu, kind: gpu'),
      says: 'Map keys must be unique',
    },
    { when: 'a tag is not of core YAML', text: `${GOOD}homepage: !!js/function "x"\n`, says: 'Unresolved tag' },
    { when: 'there are two documents', text: `${GOOD}---\n${GOOD}`, says: 'multiple documents' },
    { when: 'a key is unknown', text: `${GOOD}bogus: 1\n`, says: 'Unrecognized key: "bogus"' },
    {
      when: 'a nested key is unknown',
      text: GOOD.replace('kind: tcp', 'kind: tcp, path: /x'),
      says: 'health: Unrecognized key: "path"',
    },
    { when: 'a key is __proto__', text: `${GOOD}__proto__: { polluted: 1 }\n`, says: 'Unrecognized key: "__proto__"' },
    {
      when: 'an engine is not described',
      text: GOOD.replace('several: none', 'several: ray'),
      says: 'engine.several: engines.ray is not described',
    },
    {
      when: 'an engine is unknown',
      text: GOOD.replace('several: none', 'several: spark'),
      says: 'engine.several: Invalid option',
    },
    {
      when: 'a placeholder is unknown',
      text: head('[server, "--x={modle}", "{server_args}"]'),
      says: 'engines.none.head: {modle} is not a placeholder or variable',
    },
    {
      when: 'it is unknown in a group',
      text: head('[server, { args: ["{modle}"] }, "{server_args}"]'),
      says: '{modle} is not a placeholder',
    },
    {
      when: 'it is a property of every object',
      text: head('[server, "{constructor}", "{server_args}"]'),
      says: '{constructor} is not a placeholder',
    },
    {
      when: 'the server args are forgotten',
      text: head('[server]'),
      says: '"{server_args}" must stand in it by itself, once',
    },
    {
      when: 'they stand there twice',
      text: head('["{server_args}", "{server_args}"]'),
      says: '"{server_args}" must stand',
    },
    {
      when: 'they are inside of an argument',
      text: head('[server, "--x={server_args}", "{server_args}"]'),
      says: '{server_args} is not a placeholder',
    },
    {
      when: 'they are inside of a group',
      text: head('[server, { args: ["{server_args}"] }]'),
      says: '{server_args} is not a placeholder',
    },
    {
      when: 'a variable hides a placeholder',
      text: `${GOOD}variables: { model: { env: X, describe: d } }\n`,
      says: 'variables.model: {model} means something else already',
    },
    {
      when: 'a health path has another placeholder',
      text: GOOD.replace('kind: tcp', 'kind: http, path: "/{model}"'),
      says: 'health.path: {model} is not known here',
    },
    {
      when: 'a smoke path has',
      text: `${GOOD}smoke: [{ path: "/{port}" }]\n`,
      says: 'smoke[0].path: {port} is not known here',
    },
    {
      when: 'an argument is a number',
      text: head('[server, 8080, "{server_args}"]'),
      says: 'engines.none.head[1]: Invalid input',
    },
    {
      when: 'unless names nothing',
      text: head('[server, { args: [a], unless: [modle] }, "{server_args}"]'),
      says: 'engines.none.head[1]',
    },
    { when: 'a port is too large', text: GOOD.replace('8080', '65536'), says: 'ports.http.default: Too big' },
    {
      when: 'a name has capitals',
      text: GOOD.replace('name: mine', 'name: Mine'),
      says: 'name: lower case letters, digits and - only',
    },
    { when: 'a name is a path', text: GOOD.replace('name: mine', 'name: ../mine'), says: 'name: lower case' },
    {
      when: 'a spelling is no flag',
      text: `${GOOD}reads: { model: [model] }\n`,
      says: 'reads.model[0]: must start with - or --',
    },
    { when: 'a reading is unknown', text: `${GOOD}reads: { modle: [--m] }\n`, says: 'reads' },
  ])('$when → $says', ({ text, says }) => {
    expect(complaints(text).join('\n')).toContain(says);
  });

  test('everything at once', () => {
    const text = GOOD.replace('title: My server', 'bogus: 1').replace('kind: cpu', 'kind: tpu').replace('8080', '0');
    const found = complaints(text).join('\n');
    for (const word of ['title', 'bogus', 'devices.kind', 'ports.http.default']) expect(found).toContain(word);
  });

  test('every wrong placeholder at once', () => {
    const text = GOOD.replace('{ none: {', '{ native: { head: ["{a}", "{server_args}"], worker: [w] }, none: {');
    expect(complaints(text)).toHaveLength(2);
  });
});

test('a prototype cannot be reached through the maps of a file (fault 5)', () => {
  const runtime = parseRuntime(`${GOOD}env: { __proto__: "1", constructor: "2", A: "3" }\n`, 'f');
  expect(Object.keys(runtime.env)).toEqual(expect.arrayContaining(['A', 'constructor']));
  expect(Object.getPrototypeOf(runtime.env)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('files made to hurt', () => {
  const laughs = (depth: number, wide: number): string =>
    Array.from(
      { length: depth },
      (_, i) =>
        `l${i}: &l${i} [${Array(wide)
          .fill(i ? `*l${i - 1}` : 'lol')
          .join(', ')}]`,
    ).join('\n');
  test.each([
    { what: 'ten to the ninth laughs', text: laughs(9, 10) },
    {
      what: 'laughs of merge keys',
      text: Array.from({ length: 60 }, (_, i) => `a${i}: &a${i} { <<: [*a${i - 1}, *a${i - 1}] }`).join('\n'),
    },
    { what: 'brackets two hundred thousand deep', text: '['.repeat(200_000) },
    { what: 'maps forty thousand deep', text: '{a: '.repeat(40_000) },
    {
      what: 'a smoke body fifty thousand deep',
      text: `${GOOD}smoke: [{ path: /x, body: ${'['.repeat(50_000)}${']'.repeat(50_000)} }]`,
    },
    {
      what: 'sixty levels of indentation, closed',
      text: `${GOOD}smoke: [{ path: '{x}', body: ${'['.repeat(60)}${']'.repeat(60)} }]`,
    },
    { what: 'a body of dashes', text: `${GOOD}smoke:\n  - path: /x\n    body:\n      ${'- '.repeat(100_000)}` },
    { what: 'just over 256 KiB', text: `${GOOD}# ${'x'.repeat(MAX_RUNTIME_BYTES)}` },
    { what: 'just over 256 KiB, told in bytes', text: `${GOOD}# ${'ü'.repeat(MAX_RUNTIME_BYTES / 2)}` },
    { what: '10 MB', text: `${GOOD}# ${'x'.repeat(10_000_000)}` },
  ])('$what → 65, within a second and 150 MiB (fault 5)', ({ text }) => {
    // CPU time: other work on this machine does not count.
    const [from, before] = [process.cpuUsage(), process.memoryUsage().rss];
    const found = complaints(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(22);
    const { user, system } = process.cpuUsage(from);
    expect(user + system).toBeLessThan(1_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  test('exactly 256 KiB is read', () => {
    expect(complaints(GOOD + '#'.repeat(MAX_RUNTIME_BYTES - GOOD.length))).toEqual([]);
  });
});

test('RUNTIME_UNKNOWN is 64, RUNTIME_INVALID is 65', () => {
  expect([CODES.RUNTIME_UNKNOWN, CODES.RUNTIME_INVALID]).toEqual([64, 65]);
});
