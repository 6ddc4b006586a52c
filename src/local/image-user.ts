/** Who the image runs as: the token is readable by that user only. */
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { type Docker, isGone } from './docker.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * @param user  `USER` of the image: empty, a number or a name, perhaps with `:group`
 * @param passwd  the image's /etc/passwd; undefined: it has none
 * @returns undefined when it cannot be told. Pure.
 */
export function ownerOf(user: string, passwd: string | undefined): Owner | undefined {
  const [name = '', group] = user.split(':');
  const gidOf = (otherwise: number) => (group !== undefined && /^\d+$/.test(group) ? Number(group) : otherwise);
  if (name === '') return { uid: 0, gid: gidOf(0) };
  if (/^\d+$/.test(name)) return { uid: Number(name), gid: gidOf(0) };
  const [, , uid, gid] =
    passwd
      ?.split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  return uid === undefined || uid === '' ? undefined : { uid: Number(uid), gid: gidOf(Number(gid)) };
}

/** The same for an image, asked through a container that was made of it. @throws MusterError */
export async function ownerIn(docker: Docker, container: string, user: string): Promise<Owner | undefined> {
  const known = ownerOf(user, undefined);
  return known ?? ownerOf(user, await passwdOf(docker, container));
}

async function passwdOf(docker: Docker, container: string): Promise<string | undefined> {
  try {
    const stream = await docker.ask('read /etc/passwd of the image', (api) =>
      api.getContainer(container).getArchive({ path: '/etc/passwd' }),
    );
    const reader = extract();
    Readable.from(stream).pipe(reader as unknown as NodeJS.WritableStream);
    let text = '';
    for await (const entry of reader) {
      for await (const chunk of entry) text += String(chunk);
    }
    return text;
  } catch (error) {
    if (isGone((error as Error).cause)) return undefined;
    throw error;
  }
}
