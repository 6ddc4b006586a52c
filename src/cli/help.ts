/** `--help`, `--version` and unknown commands, by yargs over the same tables that the parser reads. */
import yargs, { type Argv } from 'yargs';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import { OPTIONS, type Option } from '../launch/args/options.ts';
import type { World } from '../world.ts';
import { benchHelp } from './bench-help.ts';
import { gatewayHelp } from './gateway-help.ts';
import { localHelp } from './local-help.ts';

export async function help(world: World): Promise<ExitStatus> {
  const argv = world.argv.includes('--') ? world.argv.slice(0, world.argv.indexOf('--')) : world.argv;
  const asked = argv.length > 0 ? [...argv] : ['--help'];
  let text = '';
  let complaint: string | undefined;
  await commands(yargs(asked), world.version).parseAsync(asked, {}, (error: Error | undefined, _parsed, output) => {
    complaint = error?.message;
    text = output;
  });
  if (complaint !== undefined) {
    throw new MusterError({ code: 'USAGE', message: complaint, hint: 'See `muster --help`.' });
  }
  world.stdout(`${text}\n`);
  return EXIT.ok;
}

const commands = (to: Argv, version: string): Argv =>
  to
    .scriptName('muster')
    .usage('$0 <command>\n\nThe container entrypoint for model servers that span several machines.')
    .command(
      'launch <runtime>',
      'Meet the group, start its engine, and hand over to a server of the catalogue',
      launchHelp,
    )
    .command('run', 'The same for any command, without a catalogue entry', runHelp)
    .command('status', 'Who is in, at which phase, and why the group is not ready', statusHelp)
    .command('probe <what>', 'Ask muster, or Ray and the server, once: startup, ready or live', probeHelp)
    .command('doctor [runtime]', 'Look at everything a launch stands on, and say what to do', doctorHelp)
    .command('local <command>', 'The same group as containers on this machine', (it) => localHelp(it, withOptions))
    .command('gateway', 'HTTP in, gRPC out: in front of a model server, as a KServe transformer', gatewayHelp)
    .command('bench <what>', 'What each way to a predictor costs, for your model', (it) => benchHelp(it, withOptions))
    .command('runtimes', 'List the catalogue; `runtimes show NAME` prints one', runtimesHelp)
    .command('install <dir>', 'Put muster and its Node into a folder, for images that lack both', installHelp)
    .demandCommand(1, 'Name a command.')
    .strict()
    .version(version)
    .alias('version', 'v')
    .help()
    .alias('help', 'h')
    .wrap(110)
    .epilogue('Exit statuses: docs/exit-codes.md. Everything behind `--` reaches the server byte for byte.');

const launchHelp = (to: Argv): Argv =>
  withOptions(to.usage('$0 launch <runtime> [options] -- [server args, byte for byte]'))
    .positional('runtime', { type: 'string', describe: 'A name from `muster runtimes`' })
    .example(
      '$0 launch huggingfaceserver -- --tensor-parallel-size=4',
      'In a pod: everything else comes from its environment',
    )
    .example(
      '$0 launch vllm --explain -- --tensor-parallel-size 8',
      'The plan, each value with its origin; starts nothing',
    )
    .example(
      '$0 launch demo --world-size 2 --rank 0 --head-address 127.0.0.1 -- --tensor-parallel-size=2',
      'A head on this machine',
    );

const runHelp = (to: Argv): Argv =>
  withOptions(to.usage('$0 run [options] -- <any command>'))
    .example(
      '$0 run --engine ray --world-size 2 --head-address gpu-0 -- python train.py',
      'On both machines: Ray forms, the head runs the command',
    )
    .example(
      '$0 run --engine native --world-size 2 --rank 1 --head-address gpu-0 -- torchrun …',
      'On each machine: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set',
    );

const statusHelp = (to: Argv): Argv =>
  to
    .usage('$0 status [options]')
    .option('rally', {
      type: 'string',
      describe: "host:port of the head's rally (default: as `muster launch` would find it, else 127.0.0.1:7600)",
    })
    .option('probe', { type: 'string', describe: 'host:port of the probe port of any member, asked instead' })
    .option('tls-dir', {
      type: 'string',
      describe: 'As of `muster launch`, with --tls-cert, --tls-key, --tls-ca and --tls-name [MUSTER_TLS_…]',
    })
    .option('watch', { type: 'boolean', describe: 'A new frame every second, until a signal' })
    .option('json', { type: 'boolean', describe: 'One line of JSON for programs' })
    .example('$0 status --rally vllm-0.vllm:7600 --watch', 'Status 0: ready; 75: not ready; 69: nobody to ask');

const probeHelp = (to: Argv): Argv =>
  to
    .usage('$0 probe startup|ready|live [options]')
    .positional('what', { choices: ['startup', 'ready', 'live'] as const })
    .option('probe-port', {
      type: 'number',
      default: 7601,
      describe: 'Port of the muster of this machine; asked unless --ray or --http is given [MUSTER_PROBE_PORT]',
    })
    .option('ray', { type: 'string', describe: "host:port of Ray's GCS [RAY_ADDRESS]" })
    .option('nodes', { type: 'number', describe: 'Ray nodes that must be alive [RAY_NODE_COUNT, else 1]' })
    .option('http', {
      type: 'string',
      describe: 'http://host:port/path of the server that must answer 200-399 (startup, ready)',
    })
    .option('timeout', { type: 'number', default: 5, describe: 'Seconds for all of it' })
    .example(
      '$0 probe ready --ray 10.0.0.7:6379 --nodes 2 --http http://127.0.0.1:8080/v2/health/ready',
      'Status 0: yes; 69: no, and why',
    )
    .example('$0 probe ready', 'The muster that stays beside the server (supervise) knows it all');

const doctorHelp = (to: Argv): Argv =>
  withOptions(to.usage('$0 doctor [runtime] [options of launch] -- [server args]'))
    .positional('runtime', { type: 'string', describe: 'As in the launch; without one only the machine is looked at' })
    .option('group', {
      type: 'boolean',
      describe: 'Meet the other members, and try all planned ports between all pairs',
    })
    .option('strict', { type: 'boolean', describe: 'Warnings count as failures' })
    .option('json', { type: 'boolean', describe: 'JSON for programs' })
    .example('$0 doctor vllm -- --tensor-parallel-size 8', 'Status 0: nothing fails; 78: something does');

const runtimesHelp = (to: Argv): Argv =>
  to
    .usage('$0 runtimes [show NAME] [options]')
    .option('runtimes', {
      type: 'string',
      describe: 'More directories of runtime files, separated by ":" [MUSTER_RUNTIMES]',
    })
    .option('json', { type: 'boolean', describe: 'JSON for programs' });

const installHelp = (to: Argv): Argv =>
  to
    .usage('$0 install DIR')
    .positional('dir', { type: 'string', describe: 'Empty, not there yet, or an installation, which is replaced' })
    .example('$0 install /shared', 'In an init container; then command: [/shared/muster, launch, vllm, --]');

function withOptions(to: Argv, options: Readonly<Record<string, Option>> = OPTIONS): Argv {
  for (const [name, option] of Object.entries(options)) {
    const fallback = 'default' in option ? String(option.default) : option.otherwise;
    to.option(name, {
      type: option.kind === 'switch' ? 'boolean' : 'string',
      ...(option.kind === 'choice' ? { choices: option.choices } : {}),
      ...(option.kind === 'list' ? { array: true } : {}),
      ...(option.short === undefined ? {} : { alias: option.short }),
      describe: `${option.describe} [${option.env}]${fallback === undefined ? '' : ` (default: ${fallback})`}`,
    });
  }
  return to;
}
