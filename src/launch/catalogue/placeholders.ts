/**
 * The names a runtime's templates may use in braces. One argument in the file is one argument for
 * the server, whatever a value holds: nothing is split, quoted or expanded.
 */
export const PLACEHOLDERS = {
  model: 'the model: a directory, or a hub id',
  model_dir: 'the model, when it is a directory',
  model_id: 'the model, when it is a hub id',
  model_name: 'the name clients use for the model',
  tensor: 'tensor-parallel size',
  pipeline: 'pipeline-parallel size',
  port: 'the port of the server that clients use',
  grpc_port: "the port of the server's gRPC side",
  world_size: 'members of the group, head included',
  rank: 'rank of this member: the head is 0',
  head_address: 'address of the head, as other members reach it',
  address: "this member's own address",
  engine_port: "the engine's port on the head",
  head_endpoint: "the head's address and the engine's port, IPv6 bracketed",
  runtime_dir: 'the directory of the runtime file',
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;

/** The one placeholder that stands for many arguments: what the user gave, byte for byte. */
export const SERVER_ARGS = '{server_args}';

const IN_BRACES = /\{([a-z_]+)\}/g;

/** Names in braces in one argument, in order. Other braces (JSON, say) are literal text. */
export const placeholdersIn = (arg: string): string[] => [...arg.matchAll(IN_BRACES)].map((match) => match[1] ?? '');

/** `arg` with its placeholders filled; undefined when a value is not known. One argument in, one argument out. */
export function fill(arg: string, values: Readonly<Record<string, string | undefined>>): string | undefined {
  if (placeholdersIn(arg).some((name) => !Object.hasOwn(values, name) || values[name] === undefined)) return undefined;
  return arg.replace(IN_BRACES, (_, name: string) => values[name] ?? '');
}
