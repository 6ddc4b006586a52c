/** What `GET /metrics` can hold. */
import { GatewayMetrics } from '../../../src/gateway/ops/metrics.ts';

export async function metricNames(): Promise<string[]> {
  const metrics = new GatewayMetrics({ running: () => 0, waiting: () => 0 });
  metrics.endpoints('predictor', () => []);
  metrics.speaks('grpc-v2');
  return [...(await metrics.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
}
