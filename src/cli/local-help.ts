/** `muster local --help`, of the same tables that the parser reads. */
import type { Argv } from 'yargs';
import type { Option } from '../launch/args/options.ts';
import { FAULT_WORDS, type FaultName } from '../local/faults.ts';
import { LOCAL_OPTIONS, type Verb } from '../local/options.ts';

type WithOptions = (to: Argv, options: Readonly<Record<string, Option>>) => Argv;

export function localHelp(to: Argv, withOptions: WithOptions): Argv {
  const verb = (name: Verb, words: string, describe: string, examples: readonly (readonly [string, string])[] = []) => {
    to.command(`${name}${words.replace(/ --.*/, '')}`, describe, (it) => {
      withOptions(
        it.usage(`$0 local ${name}${words} [options]`.replace(/( -- .*) \[options\]/, ' [options]$1')),
        LOCAL_OPTIONS[name],
      );
      for (const [command, what] of examples) it.example(`$0 local ${command}`, what);
      return it;
    });
  };
  to.usage('$0 local <command>\n\nA group as containers on this machine: real processes, a real network, Docker.');
  verb('up', ' <runtime> -- [server args]', 'Make a group, and stay with it', [
    ['up --members 4 --image ray-demo:1 demo -- --tensor-parallel-size=4', 'Follow it; Ctrl-C takes it down'],
    ['up -d --like lws --image vllm/vllm-openai:v0.24.0 --model-dir /models/llm vllm', 'Return once it is ready'],
  ]);
  verb('status', '', 'Every member: phase, rank, generation. Status 0: ready; 75: not ready');
  verb('logs', ' [member..]', 'What they have said, in the order of its time');
  verb('exec', ' <member> -- <command>', 'Run a command in a member; its status is ours');
  verb('curl', ' <path>', 'Ask the server of the head', [
    ['curl /v1/completions -d \'{"model": "demo", "prompt": "a"}\'', 'A POST, when there is a body'],
  ]);
  for (const [name, { describe }] of Object.entries(FAULT_WORDS)) verb(name as FaultName, ' <member>', describe);
  verb('down', '', 'Take a group down, whatever is left of it');
  verb('render', ' <runtime> -- [server args]', 'Print the group as a compose file');
  return to
    .demandCommand(1, 'Name a command of muster local.')
    .epilogue('A member is named in full (demo-1), by its number (1), or `head`.');
}
