/** The rally over mutual TLS, with certificates made here; what is refused, and what each side is told. */
import { createServer } from 'node:http';
import { createSecureContext, connect as tlsConnect } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RallyHeadOptions } from '../../../src/launch/rally/head.ts';
import type { RallyMemberOptions } from '../../../src/launch/rally/member.ts';
import type { Tls, TlsIdentity } from '../../../src/wire/tls.ts';
import { Authority, type CertificateOptions, days } from '../support/certificates.ts';
import { freePort } from '../support/servers.ts';
import { aHead, aMember, listening, refusal, TOKEN, Wire } from './fixture.ts';

const authority = new Authority('ours');
const stranger = new Authority('theirs');

function identity(name: string, by: Authority, how: CertificateOptions = {}, ca = by): TlsIdentity {
  return { ...by.issue(name, how), ca: ca.cert };
}

function tls(name: string, by = authority, how: CertificateOptions & { ca?: Authority; expect?: string } = {}): Tls {
  const is = identity(name, by, how, how.ca ?? by);
  return { identity: () => is, name: how.expect };
}

const here = { names: ['muster-head', '127.0.0.1'] };
const head = { tls: tls('head', authority, here) };
const member = { tls: tls('worker-1') };

describe('a group meets over TLS', () => {
  test.each([
    { when: 'with a token', token: TOKEN },
    { when: 'with no token', token: undefined },
  ])('$when', async ({ token }) => {
    const rally = await aHead({ token, ...head });
    const wire = await Wire.to(rally.port);
    const worker = aMember('worker-1', wire.port, { token, ...member });
    expect(await worker.seated).toMatchObject({ rank: 1 });
    const peers = await rally.assembled;
    rally.prepare({ address: '127.0.0.1:6379', secret: 'seed of the engine' });
    expect(await worker.prepared).toEqual({ address: '127.0.0.1:6379', secret: 'seed of the engine' });
    rally.start({ peers, serverArgs: ['--an-argument-of-the-server'], values: {} });
    expect(await worker.started).toMatchObject({ serverArgs: ['--an-argument-of-the-server'] });
    // The knock and the stream; twice more where nobody had a core to answer within the second that a hello may take.
    expect([2, 4, 6]).toContain(wire.connections);
    expect(wire.seen.toString('latin1')).not.toMatch(/worker-1|argument|seed of|PRI \* HTTP/);
  });

  test.each([
    { when: 'its address is the name', how: { names: ['localhost'] }, host: 'localhost', expect: undefined },
    {
      when: 'it is expected by another name',
      how: { names: ['muster-head'] },
      host: '127.0.0.1',
      expect: 'muster-head',
    },
    { when: 'by a wildcard', how: { names: ['*.group.svc'] }, host: '127.0.0.1', expect: 'head-0.group.svc' },
  ])('the head is known by its name: $when', async ({ how, host, expect: name }) => {
    const rally = await aHead({ tls: tls('head', authority, how) });
    const dial = { host, port: rally.port };
    const worker = aMember('worker-1', rally.port, {
      head: dial,
      lookup: async () => ['127.0.0.1'],
      tls: tls('worker-1', authority, name === undefined ? {} : { expect: name }),
    });
    await worker.seated;
  });
});

interface Case {
  readonly when: string;
  readonly head: Partial<RallyHeadOptions>;
  readonly member: Partial<RallyMemberOptions>;
  readonly says: RegExp;
  /** What the head's waiting line says of it; undefined: it cannot know. */
  readonly headSays: RegExp | undefined;
}

const CASES: readonly Case[] = [
  {
    when: 'the certificate of the member is of another CA',
    head,
    member: { tls: tls('worker-1', stranger, { ca: authority }) },
    says: /the head refuses the connection: the member's certificate \(CN=worker-1\), issued by CN=theirs, is not signed by a CA that the head trusts/,
    headSays:
      /the member's certificate \(CN=worker-1\), issued by CN=theirs, is not signed by a CA that the head trusts/,
  },
  {
    when: 'both have another CA',
    head,
    member: { tls: tls('worker-1', stranger) },
    says: /the head's certificate \(CN=head\), issued by CN=ours, is not signed by a CA that the member trusts \(\w+\)/,
    headSays: /the member's certificate \(CN=worker-1\), issued by CN=theirs, is not signed/,
  },
  {
    when: 'the member does not trust the head',
    head,
    member: { tls: tls('worker-1', authority, { ca: stranger }) },
    says: /the head's certificate \(CN=head\), issued by CN=ours, is not signed by a CA that the member trusts/,
    headSays: undefined,
  },
  {
    when: 'the head has another name',
    head: { tls: tls('head', authority, { names: ['other-head', 'third-head'] }) },
    member,
    says: /the head's certificate \(CN=head\) is for other-head, third-head, not for 127\.0\.0\.1/,
    headSays: undefined,
  },
  {
    when: 'the certificate of the head has ended',
    head: { tls: tls('head', authority, { ...here, ...days(-3, -1) }) },
    member,
    says: /the head's certificate \(CN=head\) is valid from 20\S+ \S+ UTC to 20\S+ \S+ UTC, and now it is 20/,
    headSays: undefined,
  },
  {
    when: 'the certificate of the member is not valid yet',
    head,
    member: { tls: tls('worker-1', authority, days(1, 2)) },
    says: /the head refuses the connection: the member's certificate \(CN=worker-1\) is valid from 20\S+ \S+ UTC to 20/,
    headSays: /the member's certificate \(CN=worker-1\) is valid from/,
  },
  {
    when: 'the certificate of the member is for servers only',
    head,
    member: { tls: tls('worker-1', authority, { usage: ['server'] }) },
    says: /the member's certificate \(CN=worker-1\) is not made for client auth/,
    headSays: /is not made for client auth/,
  },
  {
    when: 'only the head speaks TLS',
    head,
    member: {},
    says: /the head speaks TLS only, and the member speaks without/,
    headSays: /the head speaks TLS only, and the member speaks without/,
  },
  {
    when: 'only the member speaks TLS',
    head: {},
    member,
    says: /the member speaks TLS, and the head has no certificate/,
    headSays: /the member speaks TLS, and the head has no certificate/,
  },
];

describe.each(CASES)('when $when', ({ head: headHow, member: memberHow, says, headSays }) => {
  test('the member ends with 77 after a few visits, and the head says so and waits on', async () => {
    const rally = await aHead({ worldSize: 3, ...headHow });
    const wire = await Wire.to(rally.port);
    const worker = aMember('worker-1', wire.port, memberHow);
    const error = await refusal(worker.seated);
    expect(error).toMatchObject({ code: 'TLS_REFUSED', exitStatus: 77, message: expect.stringMatching(says) });
    // The knock, the stream, and at most two looks at why: a few tries of that on a busy machine, and no storm.
    expect(wire.connections).toBeLessThanOrEqual(16);

    if (headSays) {
      await rally.ear.hears(new RegExp(`WARN refused somebody at 127.0.0.1: TLS_REFUSED.*${headSays.source}`));
      await rally.ear.hears(
        new RegExp(`waiting .*2 of 3 members missing.*; refused: .*\\(TLS, TLS_REFUSED, .*${headSays.source}`),
      );
    }
    const right = aMember('worker-2', rally.port, headHow.tls ? member : {});
    if (!/the head's certificate/.test(says.source)) await right.seated;
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'who was turned away cannot come back by resuming its session: %s',
  async (version) => {
    const rally = await aHead(head);
    const visit = async (session?: Buffer) => {
      const dial = {
        host: '127.0.0.1',
        port: rally.port,
        servername: 'muster-head',
        ca: authority.cert,
        ALPNProtocols: ['h2'],
      };
      const socket = tlsConnect({ ...dial, minVersion: version, maxVersion: version, ...(session ? { session } : {}) });
      onTestFinished(() => void socket.destroy());
      let isReused: boolean | undefined;
      const sessions: (Buffer | undefined)[] = [];
      socket.once('secureConnect', () => {
        isReused = socket.isSessionReused();
        sessions.push(socket.getSession());
      });
      socket.on('session', (each) => sessions.push(each));
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString('latin1')).toContain('the member shows no certificate');
      return { session: sessions.at(-1), isReused };
    };
    const { session } = await visit();
    expect(await visit(session)).toMatchObject({ isReused: false });
  },
);

test('a client without a certificate is told so in the words of HTTP/2', async () => {
  const rally = await aHead(head);
  const { port } = rally;
  const context = createSecureContext({ ca: authority.cert });
  const socket = tlsConnect({
    host: '127.0.0.1',
    port,
    secureContext: context,
    servername: 'muster-head',
    ALPNProtocols: ['h2'],
  });
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString('latin1')).toContain('the member shows no certificate');
  await rally.ear.hears(/refused somebody at 127.0.0.1: TLS_REFUSED: the member shows no certificate/);
});

test('a head that takes the place of something else is joined: the layer says TLS until then', async () => {
  const other = createServer();
  const port = await listening(other, await freePort());
  const worker = aMember('worker-1', port, member);
  await worker.ear.hears(/waiting .* TLS: 127\.0\.0\.1:\d+ is no head yet: it speaks HTTP\/1 .*, and no TLS/);
  await new Promise((resolve) => other.close(resolve));
  await aHead({ port, ...head });
  await worker.seated;
});

describe('renewed certificates', () => {
  test('serve the next connection, and leave those that stand alone', async () => {
    let now = identity('head', authority, here);
    const rally = await aHead({ worldSize: 3, tls: { identity: () => now, name: undefined } });
    const early = aMember('worker-1', rally.port, member);
    await early.seated;

    now = identity('head', stranger, here);
    await aMember('worker-2', rally.port, { tls: tls('worker-2', stranger) }).seated;
    await rally.assembled;
    const late = aMember('worker-3', rally.port, member);
    expect(await refusal(late.seated)).toMatchObject({ code: 'TLS_REFUSED' });
    expect(rally.view?.().members).toMatchObject([{ connected: true }, { connected: true }, { connected: true }]);
  });

  test('are used by a member when it looks for a lost head again', async () => {
    let now = identity('worker-1', authority);
    const rally = await aHead({ worldSize: 3, ...head });
    const wire = await Wire.to(rally.port);
    const worker = aMember('worker-1', wire.port, { tls: { identity: () => now, name: undefined } });
    await worker.seated;
    now = identity('worker-1', stranger);
    const next = await aHead({ tls: tls('head', stranger, here) });
    wire.redirect(next.port);
    wire.cut();
    await next.assembled;
  });
});
