/** The image of the members: there, or pulled. */
import type Dockerode from 'dockerode';
import { MusterError } from '../errors.ts';
import { type Docker, isGone } from './docker.ts';

export interface Wanted {
  readonly image: string;
  readonly pull: 'missing' | 'always' | 'never';
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** What an image says of itself. */
export interface Image {
  readonly env: Readonly<Record<string, string>>;
  /** As in its Dockerfile; empty: root. */
  readonly user: string;
}

/** @throws MusterError IMAGE_MISSING (66), … */
export async function ensureImage(docker: Docker, wanted: Wanted): Promise<Image> {
  const there = wanted.pull === 'always' ? undefined : await inspect(docker, wanted.image);
  if (there) return there;
  if (wanted.pull === 'never') throw missing(wanted.image);
  await pull(docker, wanted);
  const pulled = await inspect(docker, wanted.image);
  if (!pulled) throw missing(wanted.image);
  return pulled;
}

const missing = (image: string): MusterError =>
  new MusterError({
    code: 'IMAGE_MISSING',
    message: `the image ${image} is not here`,
    hint: 'Check its name and tag against `docker images`, or let --pull=missing pull it.',
  });

/** Undefined: it is not here. */
async function inspect(docker: Docker, image: string): Promise<Image | undefined> {
  try {
    const { Config } = await docker.ask(
      `look for the image ${image}`,
      async (api) => await api.getImage(image).inspect(),
    );
    const env = Object.fromEntries((Config.Env ?? []).map((entry) => cutAt(entry, entry.indexOf('='))));
    return { env, user: Config.User ?? '' };
  } catch (error) {
    if (isGone((error as Error).cause)) return undefined;
    throw error;
  }
}

const cutAt = (text: string, at: number): [string, string] => [text.slice(0, at), text.slice(at + 1)];

/** A name without tag or digest means `latest`: Docker's API would pull every tag there is. Pure. */
export const withTag = (image: string): string =>
  /(:[\w.-]+|@sha256:[0-9a-f]+)$/.test(image) ? image : `${image}:latest`;

async function pull(docker: Docker, { image, signal, say }: Wanted): Promise<void> {
  say(`pulling ${withTag(image)}`);
  try {
    await docker.ask(`pull ${image}`, async (api) => {
      const stream = await api.pull(withTag(image), { abortSignal: signal });
      await layersOf(api, stream, say);
    });
  } catch (error) {
    if (!(error instanceof MusterError) || error.code !== 'DOCKER_FAILED' || signal.aborted) throw error;
    // No registry, no network, no such name: whatever it was, there is no image.
    throw new MusterError(
      {
        code: 'IMAGE_MISSING',
        message: error.message.replace(/^Docker cannot/, `the image ${image} is not here, and Docker cannot`),
        hint: 'Check the name, or pull it with `docker pull`, which has your credentials.',
      },
      { cause: error },
    );
  }
}

/** Milliseconds between two lines about layers. */
const PACE_MS = 5_000;

function layersOf(api: Dockerode, stream: NodeJS.ReadableStream, say: (line: string) => void): Promise<void> {
  const layers = new Map<string, boolean>();
  let told = performance.now();
  const note = ({ id, status = '' }: { id?: string; status?: string }) => {
    if (id && /pull|layer|download|extract|exists/i.test(status)) layers.set(id, /complete|exists/i.test(status));
    if (performance.now() - told < PACE_MS) return;
    told = performance.now();
    say(`pulled ${[...layers.values()].filter(Boolean).length} of ${layers.size} layers`);
  };
  return new Promise((resolve, reject) => {
    api.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), note);
  });
}
