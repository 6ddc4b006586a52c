/** `muster bench --help`, of the same table that the parser reads. */
import type { Argv } from 'yargs';
import { BENCH_OPTIONS } from '../bench/options.ts';
import type { Option } from '../launch/args/options.ts';

type WithOptions = (to: Argv, options: Readonly<Record<string, Option>>) => Argv;

export const benchHelp = (to: Argv, withOptions: WithOptions): Argv =>
  to
    .usage('$0 bench <what>\n\nWhat things cost here, measured on your own model.')
    .command('protocols', 'The four ways to a predictor: JSON, typed lists, REST binary, gRPC raw', (it) =>
      withOptions(
        it.version(false).usage('$0 bench protocols --upstream host:port --model NAME [options]'),
        BENCH_OPTIONS.protocols,
      )
        .example('$0 bench protocols --upstream triton:8001 --rest triton:8000 --model resnet', 'A table, in 70 s')
        .example('$0 bench protocols … --shape image=1x224x224x3 --svg ways.svg', 'And a plot')
        .example('$0 bench protocols … --through http://resnet.default', 'And the deployment in use')
        .example(
          '$0 bench protocols --listen 9000 --upstream triton:8001 --rest triton:8000',
          'Stand in for the predictor, and say which way each request came',
        ),
    )
    .demandCommand(1, 'Name what to measure.');
