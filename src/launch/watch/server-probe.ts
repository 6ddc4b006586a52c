/** The plan's health check and smoke request, as things that can be asked. */

import { fill } from '../catalogue/placeholders.ts';
import type { ProbeSpec, SmokeRequest } from '../catalogue/schema.ts';
import type { Plan } from '../plan/plan.ts';
import { grpcHealthProbe } from './probes/grpc-health.ts';
import { httpProbe } from './probes/http.ts';
import { oipV2Probe } from './probes/oip-v2.ts';
import type { Probe } from './probes/probe.ts';
import { type SmokeResult, smoke } from './probes/smoke.ts';
import { tcpProbe } from './probes/tcp.ts';
import { tfsProbe } from './probes/tfs.ts';

/** One smoke request may compile kernels or load adapters first. Milliseconds. */
const SMOKE_MS = 120_000;

/** Undefined: nothing to ask (`muster run` without --server-port). */
export function serverProbe({ health, ports, modelName }: Plan): Probe | undefined {
  const { probe, host } = health;
  if (!probe || !ports.http) return undefined;
  return probeOf(probe, {
    host,
    http: ports.http.value,
    grpc: ports.grpc?.value ?? ports.http.value,
    model: modelName.value,
  });
}

interface Where {
  readonly host: string;
  readonly http: number;
  readonly grpc: number;
  readonly model: string;
}

function probeOf(spec: ProbeSpec, { host, http, grpc, model }: Where): Probe {
  switch (spec.kind) {
    case 'http':
      return httpProbe({
        host,
        port: http,
        path: fill(spec.path, { model_name: encodeURIComponent(model) }) ?? spec.path,
      });
    case 'tcp':
      return tcpProbe({ host, port: http });
    case 'grpc-health':
      return grpcHealthProbe({ host, port: grpc, service: spec.service });
    case 'oip-v2':
      return oipV2Probe({ host, port: grpc });
    case 'tfs':
      return tfsProbe({ host, port: grpc, model: model });
  }
}

/** Undefined: the runtime has no smoke request, or it was switched off. */
export function serverSmoke({
  health,
  ports,
  modelName,
}: Plan): ((signal: AbortSignal) => Promise<SmokeResult>) | undefined {
  const port = ports.http?.value;
  if (health.smoke.length === 0 || port === undefined) return undefined;
  const alternatives = health.smoke.map((each) => askOf(each, modelName.value));
  return (signal) => smoke({ to: { host: health.host, port }, alternatives, timeoutMs: SMOKE_MS, signal });
}

function askOf({ method, path, body }: SmokeRequest, model: string) {
  const filled = fill(path, { model_name: encodeURIComponent(model) }) ?? path;
  if (body === undefined) return { method, path: filled };
  const text = JSON.stringify(body, (_, value: unknown) => (value === '{model_name}' ? model : value));
  return { method, path: filled, headers: { 'content-type': 'application/json' }, body: text };
}
