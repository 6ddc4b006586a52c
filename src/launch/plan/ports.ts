/** Which ports are spoken on. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Settings, Sourced } from '../args/options.ts';
import type { Env } from '../args/settings.ts';
import type { EngineName, Runtime } from '../catalogue/schema.ts';
import type { Ports } from './plan.ts';
import { lastNumber, wholeNumber } from './readings.ts';

const PORT = { min: 1, max: 65_535 };

export interface PortsInput {
  readonly args: readonly string[];
  readonly env: Env;
  readonly settings: Settings;
  readonly runtime: Runtime;
  readonly engine: EngineName;
  readonly worldSize: number;
}

export function choosePorts(input: PortsInput): {
  ports: Ports;
  refusals: readonly Refusal[];
  notes: readonly string[];
} {
  const { args, settings, runtime } = input;
  const http = lastNumber(args, runtime.ports.http.spellings, PORT);
  const grpc = lastNumber(args, runtime.ports.grpc?.spellings ?? [], PORT);
  const engine = enginePort(input);
  const asked = settings['server-port'];
  const notes =
    http.value && asked && http.value.value !== asked.value
      ? [`${http.value.origin} ${http.value.value} wins over ${asked.origin} ${asked.value}`]
      : [];
  const ports: Ports = {
    rally: settings['rally-port'] ?? { value: 7600, origin: 'default' },
    engine: engine.value,
    http: http.value ?? asked ?? fromRuntime(runtime.ports.http.default, runtime),
    grpc: grpc.value ?? (runtime.ports.grpc && fromRuntime(runtime.ports.grpc.default, runtime)),
  };
  return {
    ports,
    refusals: [...http.refusals, ...grpc.refusals, ...engine.refusals, ...clash(ports, input.worldSize)],
    notes,
  };
}

/** A runtime whose port is 0 (`muster run`) has none of its own. */
const fromRuntime = (port: number, runtime: Runtime): Sourced<number> | undefined =>
  port === 0 ? undefined : { value: port, origin: `runtime ${runtime.name}` };

function enginePort({ settings, env, runtime, engine }: PortsInput): {
  value: Sourced<number>;
  refusals: readonly Refusal[];
} {
  const variable = engine === 'ray' ? 'RAY_PORT' : engine === 'native' ? 'MASTER_PORT' : undefined;
  const usual = engine === 'none' ? 0 : (runtime.engines[engine]?.port ?? 0);
  const otherwise = { value: usual, origin: `runtime ${runtime.name}` };
  const text = variable ? env[variable] : undefined;
  if (engine === 'none') return { value: otherwise, refusals: [] };
  if (settings['engine-port']) return { value: settings['engine-port'], refusals: [] };
  // RAY_PORT=tcp://… is what Kubernetes sets for a Service named `ray`.
  if (!text || text.startsWith('tcp://')) return { value: otherwise, refusals: [] };
  const read = wholeNumber({ value: text, origin: `env ${variable}` }, PORT);
  return { value: read.value ?? otherwise, refusals: read.refusals };
}

/** Two of them on one number would only fail later, and less clearly. A group of one has no rally. */
function clash({ rally, ...others }: Ports, worldSize: number): Refusal[] {
  const spoken = worldSize > 1 ? { rally, ...others } : others;
  const named = Object.entries(spoken).filter((entry): entry is [string, Sourced<number>] => Boolean(entry[1]?.value));
  return named.flatMap(([name, port], at) => {
    const other = named.slice(0, at).find(([, each]) => each.value === port.value);
    if (!other) return [];
    return [
      {
        code: 'CONFIG_INVALID',
        message: `the ${name} port and the ${other[0]} port are both ${port.value} (${port.origin}; ${other[1].origin})`,
        hint: 'Move one of them: --rally-port, --engine-port, --server-port or the server args.',
      } as const,
    ];
  });
}
