/** What Docker says when it cannot, to a refusal with a code of its own. Pure. */
import type { Refusal } from '../errors.ts';

/** An error of Docker's API, or of the connection to it. */
export interface DockerError {
  /** HTTP status of its answer; undefined: it did not answer. */
  readonly statusCode?: number | undefined;
  /** errno of the connection, e.g. ECONNREFUSED. */
  readonly code?: string | undefined;
  readonly message: string;
}

export interface Doing {
  /** Where Docker was looked for: `unix:///var/run/docker.sock`. */
  readonly at: string;
  /** Whether a `docker` program is installed. */
  readonly installed: boolean;
  /** What was tried, in words that can follow "cannot": `start demo-0`. */
  readonly what: string;
}

export function refusalOf(error: DockerError, doing: Doing): Refusal {
  if (error.statusCode === undefined) return unreachable(error, doing);
  const text = wordsOf(error.message);
  const known = KNOWN.find(({ says }) => says.test(text));
  return known
    ? { code: known.code, message: `cannot ${doing.what}: ${text}`, hint: known.hint }
    : {
        code: 'DOCKER_FAILED',
        message: `Docker cannot ${doing.what}: ${text} (HTTP ${error.statusCode})`,
        hint: "See Docker's own log, e.g. `journalctl -u docker`.",
      };
}

function unreachable({ code = '', message }: DockerError, { at, installed }: Doing): Refusal {
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      code: 'DOCKER_DENIED',
      message: `Docker at ${at} may not be asked by this user (${code})`,
      hint: 'Join the group `docker` and log in anew, or set DOCKER_HOST to a rootless one of your own.',
    };
  }
  if (code === 'ENOENT' && !installed) {
    return {
      code: 'DOCKER_ABSENT',
      message: `there is no Docker: nothing at ${at}, and no docker program`,
      hint: 'Install Docker, or set DOCKER_HOST to where one listens.',
    };
  }
  return {
    code: 'DOCKER_DOWN',
    message: `Docker at ${at} does not answer (${code || message})`,
    hint: 'Start it, e.g. with `systemctl start docker`, or set DOCKER_HOST to one that runs.',
  };
}

/** dockerode puts its own words before Docker's: `(HTTP code 409) conflict - Conflict. The container …`. */
const wordsOf = (message: string): string =>
  message
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .replace(/\s+/g, ' ')
    .trim();

const KNOWN: readonly {
  readonly says: RegExp;
  readonly code: Refusal['code'];
  readonly hint: string;
}[] = [
  {
    says: /no space left on device|disk quota exceeded/i,
    code: 'DISK_FULL',
    hint: 'Make room where Docker keeps its data, e.g. with `docker system prune`.',
  },
  {
    says: /port is already allocated|address already in use|ports are not available/i,
    code: 'PORT_TAKEN',
    hint: 'Give another port with --port, or end what listens there.',
  },
  {
    says: /no such image|pull access denied|manifest unknown|manifest for .* not found|repository does not exist|not found: manifest/i,
    code: 'IMAGE_MISSING',
    hint: 'Check the name and tag; `docker images` lists what is here, `docker login` opens a private registry.',
  },
  {
    says: /is already in use by container|network with name .* already exists|volume .* already exists/i,
    code: 'NAME_TAKEN',
    hint: 'Choose another one with --name, or take the other down: `muster local down --name NAME`.',
  },
  {
    says: /could not select device driver|nvidia-container|unknown runtime/i,
    code: 'DEVICES_SHORT',
    hint: 'Install the NVIDIA container toolkit, or ask for --gpus=0.',
  },
  {
    says: /cannot allocate memory|out of memory/i,
    code: 'MEMORY_SHORT',
    hint: 'Ask for fewer --members, or for less --memory each.',
  },
];
