/** `npm run docs`: the documents that are tables of the code. A test compares them, so that they cannot lie. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODES, type ErrorCode, EXIT, RETRIABLE } from '../src/errors.ts';
import { OPTIONS, type Option } from '../src/launch/args/options.ts';
import { faults } from './faults.ts';
import { gatewayDashboard } from './gateway-dashboard.ts';

const MEANING: Record<ErrorCode, string> = {
  DONE: 'the command of `muster run` ended with status 0',
  STOPPED: 'asked to stop by a signal: 128 + n before the server runs, the server’s own status after',
  USAGE: 'a flag or argument of muster is wrong',
  RUNTIME_UNKNOWN: 'no runtime of that name',
  RUNTIME_INVALID: 'a runtime file is not valid',
  TRANSFORM_INVALID: 'a transform of the gateway does not load',
  AUDIT_UNWRITABLE: 'the gateway’s audit log cannot be written',
  CHAT_TEMPLATE_INVALID: 'the gateway’s chat template cannot be read, is no Jinja, or cannot be rendered',
  WARM_UP_INVALID: 'the gateway’s file of warm-up requests cannot be read, or holds what is no request',
  MODEL_DIR_MISSING: 'MODEL_DIR is not there, or no directory',
  MODEL_DIR_EMPTY: 'MODEL_DIR is empty: is the volume mounted, is storageUri right?',
  TOKEN_FILE_UNREADABLE: 'the token file cannot be read',
  INSTALL_SOURCE: '`muster install`: this muster lacks something to install',
  HEAD_UNREACHABLE: 'the head was never reached within the rally timeout; says at which layer',
  BENCH_REQUEST: '`muster bench`: no request can be made up for the model, or the file of --body holds none',
  BENCH_PREDICTOR: '`muster bench`: the predictor cannot be reached, has no such model, or takes the request in no way',
  BENCH_PLOT: '`muster bench`: the file of --svg cannot be written',
  BUG: 'a failure nobody foresaw; please report it',
  SPAWN_FAILED: 'the system refused a process: EAGAIN, ENOMEM, EMFILE',
  INSTALL_TARGET: '`muster install`: the directory cannot be made or written, or nothing can be run from it',
  RALLY_TIMEOUT: 'the group was not complete in time; names who is missing',
  TLS_INVALID: 'what a TLS file holds is no certificate, no key, or a key of another certificate',
  TLS_FILE_UNREADABLE:
    "a file of --tls-dir, --tls-cert, --tls-key or --tls-ca, or of the gateway's --ssl_…, cannot be read",
  VERSION_MISMATCH: 'members run different versions of muster, Ray or the server',
  PROTOCOL: 'a peer said what muster does not understand',
  TOKEN_WRONG: 'the token was refused, or one side has none',
  MODEL_DIR_OUTSIDE:
    'MODEL_DIR leads out of where models may be: `..` beyond the working directory, or out of MUSTER_MODEL_ROOT',
  TLS_REFUSED:
    'the TLS of head and member do not fit: another CA, no certificate, another name, or only one side has it',
  TLS_EXPIRED: 'the own certificate is not valid now: both dates are told',
  MODEL_UNSET: 'neither MODEL_DIR nor MODEL_ID is set, and the args name no model',
  CONFIG_INVALID: 'an environment variable or a combination of settings is wrong',
  TOPOLOGY_INVALID: 'rank, role and world size contradict each other',
  TOPOLOGY_UNKNOWN: 'world size, role or the head’s address is not known',
  PARALLEL_SIZE: 'the parallel sizes do not fit the members',
  TOKEN_MISSING: 'a group over a network without a token, and MUSTER_INSECURE is not set',
  TOKEN_WEAK: 'the token has fewer than 16 bytes',
  TLS_INCOMPLETE: 'only some of certificate, key and CA are given',
  PORT_TAKEN: 'a port is taken; names the process when it can be seen',
  ADDRESS_UNAVAILABLE: 'the address to listen on is not of this machine',
  PLAN_MISMATCH: 'members were started with different plans; says what differs and both values',
  MODEL_MISMATCH: 'members have different models on disk',
  RANK_TAKEN: 'another member holds that rank, or no seat is left',
  INSTALL_NOT_OURS: '`muster install`: the directory holds something else; nothing was changed',
  DEVICES_SHORT: 'all members together have too few devices for the parallel sizes',
  DOCKER_ABSENT: '`muster local`: there is no Docker on this machine',
  DOCKER_DOWN: '`muster local`: Docker is installed and does not answer',
  DOCKER_DENIED: '`muster local`: this user may not ask Docker',
  DOCKER_FAILED: '`muster local`: Docker itself failed; in its own words (`docker run` would say 125)',
  IMAGE_MISSING: '`muster local`: the image is not here and cannot be pulled',
  GROUP_MISSING: '`muster local`: no such group, or no such member',
  NAME_TAKEN: '`muster local`: a group, container, network or volume of that name is there',
  MEMORY_SHORT: '`muster local`: more members than the machine has memory for',
  DISK_FULL: 'no space left on the device',
  MEMBER_ENDED: '`muster local`: a member ended before the group was ready: its own status, or 79 when that is 0',
  HTTP_STATUS: '`muster local curl`: the server answered with a status of 400 or more, or not at all',
  UNFIT: '`muster doctor`: something fails, or warns under --strict; what, and what to do, is on stdout',
  ENGINE_START_FAILED: '`ray start` failed; in Ray’s own words',
  ENGINE_LOST: 'Ray of a member died after it was up',
  ENGINE_GATE: 'Ray did not list exactly the members in time',
  GROUP_LOST: 'another member was lost, stopped, or its server ended',
  RESTARTS_SPENT: 'the group was lost more often than its restart budget allows; with the last cause',
  FENCED: 'a newer incarnation of this member holds its rank',
  SERVER_EXITED: 'the server ended by itself: its own status, or 81 when that is 0 (under `launch`)',
  SERVER_UNHEALTHY: 'a process could not be ended',
  SERVER_NOT_READY: 'the server was not ready in time; with what it last said',
  NOT_EXECUTABLE: 'the program is no executable file',
  ARGS_TOO_LONG: 'an argument, or all of them and the environment, are longer than the kernel takes',
  NOT_FOUND: 'there is no such program',
};

/** Whether the same start may succeed later without a change. */
const tryAgain = (code: ErrorCode): string =>
  code === 'DONE' || code === 'STOPPED' ? '-' : RETRIABLE.has(code) ? 'yes' : 'no';

function exitCodes(): string {
  const rows = (Object.entries(CODES) as [ErrorCode, number][])
    .toSorted(([, a], [, b]) => a - b)
    .map(
      ([code, status]) =>
        `| ${code === 'STOPPED' ? '128 + n' : status} | \`${code}\` | ${MEANING[code]} | ${tryAgain(code)} |`,
    );
  return `# Exit statuses

Stable, and made so that launcher and server can be told apart: muster uses 64–81, 124, 126, 127 and 128 + n, never 1 or 2. Any
other status is the server's own, passed through untouched. The code stands in the last line on stderr.

| status | code | when | try again? |
| --- | --- | --- | --- |
${rows.join('\n')}

A Kubernetes Job that should not try again what cannot succeed:

\`\`\`yaml
podFailurePolicy:
  rules:
    - action: FailJob
      onExitCodes: { operator: In, values: [${[EXIT.usage, EXIT.data, EXIT.noInput, EXIT.protocol, EXIT.noPermission, EXIT.config, EXIT.fenced, EXIT.notExecutable, EXIT.notFound].join(', ')}] }
    - action: Ignore
      onPodConditions: [{ type: DisruptionTarget }]
\`\`\`

Generated by \`npm run docs\` from \`src/errors.ts\`.
`;
}

function options(): string {
  const rows = (Object.entries(OPTIONS) as [string, Option][]).map(([name, option]) => {
    const fallback = 'default' in option ? String(option.default) : (option.otherwise ?? '-');
    const twins = [option.env, ...(option.alsoEnv ?? [])].map((variable) => `\`${variable}\``).join(', ');
    return `| \`--${name}\`${valueText(option)} | ${twins} | ${fallback.replaceAll('|', '\\|')} | ${option.describe.replaceAll('|', '\\|')} |`;
  });
  return `# Options of \`launch\` and \`run\`

A flag wins over its environment twin (the first name), that over other names, those over the runtime file, that over the default.
A number that is out of range, and a variable that is set but empty, are refused by name. Seconds may have a fraction.

| option | environment | default | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

\`MUSTER_TOKEN\` is the token itself; it has no flag, for every user of a machine can read argv.

Generated by \`npm run docs\` from \`src/launch/args/options.ts\`.
`;
}

function valueText(option: Option): string {
  if (option.kind === 'switch') return '';
  if (option.kind === 'choice') return ` ${option.choices.join('\\|')}`;
  if (option.kind === 'seconds') return ` SECONDS (${option.min}–${option.max})`;
  return option.kind === 'integer' ? ` N (${option.min}–${option.max})` : ' TEXT';
}

/** File below docs/ to its text. */
export const DOCUMENTS: Readonly<Record<string, () => string>> = {
  'exit-codes.md': exitCodes,
  'faults.md': faults,
  'gateway-dashboard.json': gatewayDashboard,
  'options.md': options,
};

if (import.meta.main) {
  const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs');
  for (const [name, text] of Object.entries(DOCUMENTS)) writeFileSync(join(docs, name), text());
}
