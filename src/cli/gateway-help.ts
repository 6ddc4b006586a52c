/** `muster gateway --help`, of the same table that the parser reads; what has no effect is left out. */
import type { Argv } from 'yargs';
import { GATEWAY_OPTIONS, type GatewayOption } from '../gateway/options.ts';

export function gatewayHelp(to: Argv): Argv {
  to.usage('$0 gateway --predictor_host host:port [options]\n\nHTTP in, gRPC out: in front of a model server.');
  for (const [name, option] of Object.entries(GATEWAY_OPTIONS) as [string, GatewayOption][]) {
    if (option.kind === 'ignored') continue;
    const fallback =
      'default' in option && String(option.default) !== '' ? ` (default: ${String(option.default)})` : '';
    to.option(name, {
      type: option.kind === 'switch' ? 'boolean' : 'string',
      ...(option.kind === 'choice' ? { choices: option.choices } : {}),
      describe: `${option.describe} [MUSTER_GATEWAY_${name.toUpperCase()}]${fallback}`,
    });
  }
  return to.example(
    '$0 gateway --model_name resnet --predictor_host resnet-predictor.default:9000 --predictor_protocol grpc-v2',
    "The flags of KServe's model server, so that it fits where its transformer stands",
  );
}
