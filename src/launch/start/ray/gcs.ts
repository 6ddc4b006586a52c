/**
 * Ray's GCS over plain gRPC, with empty requests: alive, version, the list of nodes. No Python, no Ray client.
 *
 * The same bytes work from Ray 2.40 to 2.60 (proto/ray_gcs.proto says why requests stay empty). GCS's own
 * grpc.health.v1 answers SERVING to any token, so liveness is asked with CheckAlive, which checks it.
 */
import { MusterError } from '../../../errors.ts';
import type { Address } from '../../../wire/address.ts';
import { STATUS } from '../../../wire/frame.ts';
import { GrpcConnection } from '../../../wire/grpc-connection.ts';
import { decodeMessage, type Message, ProtobufError } from '../../../wire/protobuf.ts';
import { WireError } from '../../../wire/wire-error.ts';

/** One node as GCS sees it. Dead ones stay listed. */
export interface RayNode {
  /** Ray's node id, hex. */
  readonly id: string;
  /** What `--node-name` said, else the node's address. */
  readonly name: string;
  readonly address: string;
  /** The raylet's gRPC port. */
  readonly managerPort: number;
  readonly alive: boolean;
  readonly hostname: string;
  /** e.g. `{ CPU: 4, GPU: 1, memory: 1e9 }`; memory in bytes. */
  readonly resources: Readonly<Record<string, number>>;
  readonly isHead: boolean;
  /** Ray's words, once it is dead; may be empty. */
  readonly death: { readonly reason: number; readonly message: string } | undefined;
}

/** Bounds of one question. */
export interface Ask {
  /** Milliseconds; the call never takes longer. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface Gcs {
  /** `host:port`, for messages. */
  readonly target: string;
  /** Ray's version, e.g. `2.58.0`. */
  checkAlive(ask: Ask): Promise<string>;
  listNodes(ask: Ask): Promise<readonly RayNode[]>;
  close(): void;
}

export interface GcsOptions extends Address {
  /** RAY_AUTH_TOKEN of this cluster; absent: it has none. */
  readonly token?: string | undefined;
}

/**
 * Connects on the first question and again whenever GCS went away.
 *
 * Both questions throw `WireError` when GCS does not answer (worth asking again) and `MusterError` TOKEN_WRONG when
 * it refuses the token (asking again cannot help).
 */
export function openGcs({ host, port, token }: GcsOptions): Gcs {
  const connection = new GrpcConnection({ host, port });
  const metadata: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const ask = async (method: string, bounds: Ask): Promise<Message> => {
    const reply = await connection.call({ path: `${SERVICE}/${method}`, metadata, ...bounds });
    if (reply.status === STATUS.unauthenticated) throw tokenRefused(connection.target, token, reply.message);
    if (reply.status !== STATUS.ok) throw notGcs(connection.target, method, reply);
    return decodeMessage(reply.body);
  };
  return {
    target: connection.target,
    checkAlive: async (bounds) => {
      const version = (await asWire(connection.target, ask('CheckAlive', bounds))).string(FIELD.version);
      if (version === '') throw new WireError('grpc', 'malformed', `${connection.target} told no Ray version`);
      return version;
    },
    listNodes: (bounds) =>
      asWire(
        connection.target,
        ask('GetAllNodeInfo', bounds).then((reply) => reply.messages(FIELD.nodes).map(nodeOf)),
      ),
    close: () => connection.close(),
  };
}

const SERVICE = '/ray.rpc.NodeInfoGcsService';

/** Field numbers of proto/ray_gcs.proto; a test keeps the two equal. */
export const FIELD = {
  version: 2,
  nodes: 2,
  id: 1,
  address: 2,
  managerPort: 5,
  state: 7,
  hostname: 8,
  resources: 11,
  name: 12,
  isHead: 25,
  death: 29,
  deathReason: 1,
  deathMessage: 2,
} as const;

const ALIVE = 0;

function nodeOf(node: Message): RayNode {
  const death = node.message(FIELD.death);
  return {
    id: Buffer.from(node.bytes(FIELD.id)).toString('hex'),
    name: node.string(FIELD.name),
    address: node.string(FIELD.address),
    managerPort: node.int(FIELD.managerPort),
    alive: node.int(FIELD.state) === ALIVE,
    hostname: node.string(FIELD.hostname),
    resources: Object.fromEntries(node.messages(FIELD.resources).map((entry) => [entry.string(1), entry.double(2)])),
    isHead: node.bool(FIELD.isHead),
    death: death && { reason: death.int(FIELD.deathReason), message: death.string(FIELD.deathMessage) },
  };
}

/** A reply that cannot be decoded is a peer that is not GCS, not a bug of ours. */
const asWire = <T>(target: string, answer: Promise<T>): Promise<T> =>
  answer.catch((error) => {
    if (!(error instanceof ProtobufError)) throw error;
    throw new WireError('grpc', 'malformed', `${target} sent a reply that is not GCS's (${error.message})`, error);
  });

const tokenRefused = (target: string, token: string | undefined, words: string): MusterError =>
  new MusterError({
    code: 'TOKEN_WRONG',
    message: token
      ? `Ray's GCS at ${target} refused our token (${words})`
      : `Ray's GCS at ${target} wants a token and we have none (${words})`,
    hint: 'Give every member the same RAY_AUTH_TOKEN, or none and let muster make one for each generation.',
  });

const notGcs = (target: string, method: string, { status, message }: { status: number; message: string }): WireError =>
  status === STATUS.unimplemented
    ? new WireError('grpc', 'status', `${target} speaks gRPC but is not Ray's GCS (no ${method})`)
    : new WireError('grpc', 'status', `GCS at ${target} answered ${method} with status ${status}: ${message}`);
