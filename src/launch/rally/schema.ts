/** The twin of `proto/rally.proto` and `proto/health.proto`: each message as a table. Field numbers are never reused. */
import {
  bytes,
  choice,
  flag,
  list,
  message,
  one,
  optionalText,
  optionalUint,
  remembered,
  type TypeOf,
  text,
  textMap,
  texts,
  uint,
  uints,
  union,
} from './codec.ts';
import { PHASES, type Phase } from './rally.ts';

/** Index = number on the wire; 0 is proto3's "unspecified". */
const phase = (no: number) => choice<Phase>(no, [undefined, ...PHASES]);

export const Open = message({ nonce: bytes(1), hasToken: flag(2), protocol: uint(3), member: text(4) });
export const Challenge = message({ nonce: bytes(1), proof: bytes(2), hasToken: flag(3), protocol: uint(4) });
export const Hello = message({ body: bytes(1), proof: bytes(2) });
export const HelloBody = message({
  member: text(1),
  incarnation: text(2),
  wantedRank: optionalUint(3),
  terms: textMap(4),
  digest: text(5),
  versions: textMap(6),
  devices: optionalUint(7),
  address: text(8),
  fingerprint: optionalText(9),
  preferredRank: optionalUint(10),
});
export const Welcome = message({
  rank: uint(1),
  worldSize: uint(2),
  generation: uint(3),
  beatMs: uint(4),
  leaseMs: uint(5),
  head: text(6),
  headIncarnation: text(7),
  headPhase: phase(8),
  leftMs: uint(9),
});
export const Beat = remembered(message({ seq: uint(1), missing: uint(2), missingRanks: uints(3) }));
export const Report = message({ phase: phase(1) });
export const Prepare = message({ address: text(1), secret: optionalText(2), sealed: bytes(3) });
export const Peer = message({
  member: text(1),
  incarnation: text(2),
  rank: uint(3),
  address: text(4),
  devices: optionalUint(5),
});
/** A thousand members get the same one, like every beat and ending below. */
export const Start = remembered(message({ peers: list(1, Peer), serverArgs: texts(2), values: textMap(3) }));
export const Ending = remembered(
  message({
    code: text(1),
    exitStatus: uint(2),
    message: text(3),
    hint: text(4),
    culprit: optionalText(5),
  }),
);
export const Stop = message({ ending: one(1, Ending) });
export const Leave = message({ ending: one(1, Ending) });
export const HandOver = message({});
export const Refusal = message({ code: text(1), message: text(2), hint: text(3) });
export const Refused = message({ refusals: list(1, Refusal), retry: flag(2) });

export const FromMember = union({
  open: [1, Open],
  hello: [2, Hello],
  beat: [3, Beat],
  report: [4, Report],
  leave: [5, Leave],
  handOver: [6, HandOver],
});

export const FromHead = union({
  challenge: [1, Challenge],
  welcome: [2, Welcome],
  beat: [3, Beat],
  prepare: [4, Prepare],
  start: [5, Start],
  report: [6, Report],
  stop: [7, Stop],
  refused: [8, Refused],
});

export const StatusRequest = message({});
export const MemberStatus = message({
  member: text(1),
  rank: uint(2),
  incarnation: text(3),
  address: text(4),
  phase: phase(5),
  phaseMs: uint(6),
  beatMs: uint(7),
  connected: flag(8),
  devices: optionalUint(9),
});
export const Visit = message({ who: text(1), code: text(2), message: text(3), count: uint(4), agoMs: uint(5) });
export const StatusReply = message({
  generation: uint(1),
  worldSize: uint(2),
  stage: text(3),
  phase: phase(4),
  members: list(5, MemberStatus),
  awaited: text(6),
  refused: list(7, Visit),
  ageMs: uint(8),
  ending: one(9, Ending),
});

export const HealthCheckRequest = message({ service: text(1) });
export const HealthCheckResponse = message({
  status: choice<ServingStatus>(1, [undefined, 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']),
});

export type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
/** Undefined: a kind this version does not know; it is passed over. */
export type FromMember = TypeOf<typeof FromMember>;
export type FromHead = TypeOf<typeof FromHead>;
export type HelloBody = TypeOf<typeof HelloBody>;
export type StatusReply = TypeOf<typeof StatusReply>;
/** The full names on the wire. */
export const PATH = {
  join: '/muster.rally.v1.Rally/Join',
  status: '/muster.rally.v1.Rally/Status',
  check: '/grpc.health.v1.Health/Check',
  watch: '/grpc.health.v1.Health/Watch',
} as const;
