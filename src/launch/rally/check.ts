/**
 * What a peer says, checked before it is believed. Each check returns the value or, as a string, what is wrong with it.
 */
import { isIP } from 'node:net';
import { CODES, type ErrorCode, type Refusal } from '../../errors.ts';
import { printable } from '../../printable.ts';
import type { TypeOf } from './codec.ts';
import { clip, LIMIT } from './limits.ts';
import type { Ending, EngineCall, Hello, Peer, Seat, StartOrder } from './rally.ts';
import type { Ending as EndingMessage, HelloBody, Refusal as RefusalMessage, Start, Welcome } from './schema.ts';
import { shown } from './words.ts';

export type Checked<T> = T | string;

export function checkHello(body: HelloBody): Checked<Hello> {
  const { member, incarnation, address, digest, fingerprint, terms, versions, devices, wantedRank, preferredRank } =
    body;
  if (!isName(member)) return `the member's name ${shown(member)} is empty, too long, or has control characters`;
  if (!/^[0-9a-f]{8,64}$/i.test(incarnation)) return `the incarnation ${shown(incarnation)} is not 8 to 64 hex digits`;
  if (isIP(address) === 0) return `the address ${shown(address)} is no IP address`;
  if (digest.length > 128) return `the digest has ${digest.length} characters, 128 allowed`;
  if (fingerprint !== undefined && fingerprint.length > 128)
    return `the fingerprint has ${fingerprint.length} characters, 128 allowed`;
  for (const [what, table] of [
    ['terms', terms],
    ['versions', versions],
  ] as const) {
    const entries = Object.entries(table);
    if (entries.length > LIMIT.entries) return `${entries.length} ${what} were given, ${LIMIT.entries} allowed`;
    const long = entries.find(([key, value]) => key.length > LIMIT.key || value.length > LIMIT.value);
    if (long)
      return `${what}: ${shown(long[0])} is longer than ${LIMIT.key} (name) or ${LIMIT.value} (value) characters`;
  }
  return { member, incarnation, wantedRank, preferredRank, terms, digest, versions, devices, address, fingerprint };
}

const isName = (value: string): boolean => value.length > 0 && value.length <= LIMIT.name && printable(value) === value;

const sentence = (value: string): string => clip(printable(value), LIMIT.sentence);

const isCode = (code: string): code is ErrorCode => Object.hasOwn(CODES, code);

/** An ending is never refused: whatever a peer says, it is going. What makes no sense is replaced. */
export function checkEnding(given: TypeOf<typeof EndingMessage> | undefined, culprit: string): Ending {
  if (!given || !isCode(given.code)) {
    const message = given
      ? `${culprit} ended with the unknown code ${shown(given.code)}: ${sentence(given.message)}`
      : `${culprit} left without a reason`;
    return { code: 'GROUP_LOST', exitStatus: CODES.GROUP_LOST, message, hint: `See the log of ${culprit}.`, culprit };
  }
  const { code, exitStatus, message, hint } = given;
  return {
    code,
    exitStatus: exitStatus <= 255 ? exitStatus : CODES[code],
    message: sentence(message),
    hint: sentence(hint),
    culprit: given.culprit === undefined ? undefined : clip(printable(given.culprit), LIMIT.name),
  };
}

/** At least one refusal, whatever came. */
export function checkRefusals(given: readonly TypeOf<typeof RefusalMessage>[]): readonly [Refusal, ...Refusal[]] {
  const [first, ...rest] = given.slice(0, 8).map(({ code, message, hint }) => ({
    code: isCode(code) ? code : ('PROTOCOL' as const),
    message: sentence(message),
    hint: sentence(hint),
  }));
  return first
    ? [first, ...rest]
    : [{ code: 'PROTOCOL', message: 'the head refused without a reason', hint: 'See its log.' }];
}

export function checkSeat(given: TypeOf<typeof Welcome>): Checked<Seat> {
  const { rank, worldSize, generation, beatMs, leaseMs } = given;
  if (worldSize < 2 || worldSize > LIMIT.worldSize) return `a world size of ${worldSize}`;
  if (rank < 1 || rank >= worldSize) return `rank ${rank} of ${worldSize}`;
  if (generation < 1) return `generation ${generation}`;
  if (beatMs < 10 || leaseMs < beatMs) return `beats of ${beatMs} ms with a lease of ${leaseMs} ms`;
  return { rank, worldSize, generation, beatMs, leaseMs };
}

export function checkEngineCall(address: string, secret: string | undefined): Checked<EngineCall> {
  if (address.length > LIMIT.name + 8 || !/^(\[[0-9a-f:.%\w]+\]|[^\s:[\]]+):\d{1,5}$/i.test(address))
    return `the engine address ${shown(address)}`;
  if (secret !== undefined && /[\0\n\r]/.test(secret)) return 'an engine secret with line breaks';
  return { address, secret };
}

export function checkStart(
  { peers, serverArgs, values }: TypeOf<typeof Start>,
  worldSize: number,
): Checked<StartOrder> {
  if (peers[0]?.rank !== 0) return `${peers.length} peers, and no head among them`;
  const isLater = (peer: Peer, index: number) => peer.rank > (peers[index - 1]?.rank ?? -1) && peer.rank < worldSize;
  const wrong = peers.find((peer, index) => !isLater(peer, index) || !isPeer(peer));
  if (wrong) return `the peer ${shown(wrong.member)} with rank ${wrong.rank} at ${shown(wrong.address)}`;
  if (serverArgs.some((arg) => arg.includes('\0'))) return 'a server argument with a NUL byte';
  const named = Object.entries(values).find(([key, value]) => key.length > LIMIT.key || value.includes('\0'));
  if (named) return `the value named ${shown(named[0])}`;
  return { peers, serverArgs, values };
}

const isPeer = ({ member, incarnation, address }: Peer): boolean =>
  isName(member) && incarnation.length <= 64 && isIP(address) !== 0;
