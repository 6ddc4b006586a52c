/** What was typed to a group, or every reason why not. Pure. */
import { resolve } from 'node:path';
import type { Refusal } from '../errors.ts';
import type { SettingsOf, Sourced } from '../launch/args/options.ts';
import type { Env } from '../launch/args/settings.ts';
import type { Runtime } from '../launch/catalogue/schema.ts';
import { DEFAULT_PROBE_PORT, type Group } from './group.ts';
import type { LOCAL_OPTIONS } from './options.ts';
import { parseBytes } from './sizes.ts';

export type GroupSettings = SettingsOf<typeof LOCAL_OPTIONS.render>;

export interface Typed {
  readonly settings: GroupSettings;
  readonly runtime: Runtime;
  /** Undefined: no `--` was typed. */
  readonly serverArgs: readonly string[] | undefined;
  /** The user's own environment: `--env NAME` passes on from it. */
  readonly env: Env;
  /** Random: which `up` this is. */
  readonly life: string;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/** A DNS label, short enough for the names made of it. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/**
 * What the plan has to say yet (the server's port, its grace) and what Docker knows (GPUs) is left at its usual value:
 * see `planned` and `upCommand`.
 */
export function chooseGroup({ settings, runtime, serverArgs, env, cwd, life }: Typed): {
  group: Group;
  refusals: readonly Refusal[];
} {
  const refusals: Refusal[] = [];
  const wrong = (message: string, hint: string, origin = 'flag') =>
    void refusals.push({ code: origin.startsWith('flag') ? 'USAGE' : 'CONFIG_INVALID', message, hint });
  const bytes = (setting: Sourced<string> | undefined): number | undefined => {
    if (!setting) return undefined;
    const read = parseBytes(setting.value);
    if (read === undefined || read < SMALLEST_BYTES) {
      wrong(
        `${called(setting)} is "${setting.value}", not a size from 6m`,
        'Write for example 512m or 8g.',
        setting.origin,
      );
    }
    return read;
  };
  const name = settings.name?.value ?? runtime.name;
  if (!NAME.test(name)) {
    wrong(`the group's name is "${name}", not up to 40 of a-z, 0-9 and -`, 'Give another one with --name.');
  }
  if (!settings.image) {
    wrong('no image is named', 'Give the image of the server with --image, e.g. --image vllm/vllm-openai:v0.24.0.');
  }
  const added = addedEnv(settings.env?.value ?? [], env);
  for (const each of added.wrong) {
    wrong(`--env ${each.entry} ${each.why}`, 'Write --env NAME=VALUE, or --env NAME to pass on yours.');
  }
  const group: Group = {
    name,
    life,
    members: settings.members?.value ?? 2,
    image: settings.image?.value ?? '',
    like: settings.like?.value ?? 'kserve',
    runtime: runtime.name,
    serverArgs,
    modelDir: settings['model-dir'] && resolve(cwd, settings['model-dir'].value),
    runtimes: (settings.runtimes?.value ?? '')
      .split(':')
      .filter(Boolean)
      .map((each) => resolve(cwd, each)),
    env: added.env,
    memoryBytes: bytes(settings.memory),
    cpus: cpusOf(settings.cpus, wrong),
    shmBytes: bytes(settings.shm) ?? 3 * 1024 ** 3,
    gpus: settings.gpus?.value ?? 0,
    server: undefined,
    probePort: DEFAULT_PROBE_PORT,
    stopSeconds: 30,
  };
  return { group, refusals };
}

/** Docker's own least for a memory limit. */
const SMALLEST_BYTES = 6 * 1024 ** 2;

const called = ({ origin }: Sourced<unknown>): string => origin.replace(/^(flag|env) /, '');

function cpusOf(
  setting: Sourced<string> | undefined,
  wrong: (message: string, hint: string, origin: string) => void,
): number | undefined {
  if (!setting) return undefined;
  const cpus = Number(setting.value);
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(setting.value) || cpus < 0.01) {
    wrong(
      `${called(setting)} is "${setting.value}", not a number of CPUs from 0.01`,
      'Write for example 1.5.',
      setting.origin,
    );
  }
  return cpus;
}

interface Added {
  readonly env: Record<string, string>;
  readonly wrong: readonly { readonly entry: string; readonly why: string }[];
}

/** A value is never said back: it may be a secret. */
function addedEnv(entries: readonly string[], own: Env): Added {
  const env: Record<string, string> = {};
  const wrong: { entry: string; why: string }[] = [];
  for (const entry of entries) {
    const at = entry.indexOf('=');
    const name = at < 0 ? entry : entry.slice(0, at);
    const value = at < 0 ? own[name] : entry.slice(at + 1);
    if (!/^[A-Za-z_]\w*$/.test(name)) wrong.push({ entry: at < 0 ? '…' : '…=…', why: 'has no name of a variable' });
    else if (value === undefined) wrong.push({ entry: name, why: 'is not set here' });
    else env[name] = value;
  }
  return { env, wrong };
}
