/** The same group as a compose file, for those who would rather run compose. Pure; the text is made by the edge. */

import { readOnlyPaths } from './container.ts';
import { type Group, INSIDE, type Member, membersOf } from './group.ts';

/** What compose reads, as plain data: https://compose-spec.io. Nothing in it that compose 1.29 does not know. */
export interface Compose {
  readonly services: Readonly<Record<string, object>>;
  readonly networks: object;
  readonly secrets: object;
}

/** Beside the compose file: what `muster install` made, and the token. */
export const BESIDE = { muster: './muster', token: './token' } as const;

export const composeOf = (group: Group): Compose => ({
  services: Object.fromEntries(membersOf(group).map((member) => [member.name, serviceOf(group, member)])),
  networks: { group: {} },
  secrets: { token: { file: BESIDE.token } },
});

function serviceOf(group: Group, member: Member): object {
  const [program, ...args] = member.command;
  return {
    image: group.image,
    hostname: member.name,
    entrypoint: [program],
    command: args.map(literally),
    environment: Object.fromEntries(Object.entries(member.env).map(([name, value]) => [name, literally(value)])),
    networks: { group: { aliases: [...member.aliases] } },
    volumes: [
      readOnly(BESIDE.muster, INSIDE.muster),
      ...readOnlyPaths(group).map((path) => readOnly(literally(path), literally(path))),
    ],
    secrets: [{ source: 'token', target: INSIDE.token }],
    // The probe port of every member at a free port here, and the server's of the head.
    ports: member.ports.map(({ inside, here }) => `127.0.0.1:${here === 0 ? '' : here}:${inside}`),
    shm_size: group.shmBytes,
    restart: 'on-failure',
    stop_grace_period: `${group.stopSeconds}s`,
    healthcheck: { disable: true },
    ...limitsOf(group, member),
  };
}

const limitsOf = ({ memoryBytes, cpus }: Group, { gpus }: Member): object => ({
  ...(memoryBytes === undefined ? {} : { mem_limit: memoryBytes, memswap_limit: memoryBytes }),
  ...(cpus === undefined ? {} : { cpus }),
  ...(gpus.length > 0
    ? {
        ulimits: { memlock: -1 },
        deploy: {
          resources: {
            reservations: { devices: [{ driver: 'nvidia', device_ids: [...gpus], capabilities: ['gpu'] }] },
          },
        },
      }
    : {}),
});

const readOnly = (source: string, target: string) => ({ type: 'bind', source, target, read_only: true });

/** Compose fills in `$NAME` everywhere; `$$` is a dollar. */
const literally = (text: string): string => text.replaceAll('$', '$$$$');
