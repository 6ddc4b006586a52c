/** JPEG, PNG, WebP, … → a resized, normalised tensor, by sharp (libvips), which is an optional package. */
import { refuse } from '../../failure.ts';
import type { ModelMetadata, TensorMetadata } from '../../protocol/infer.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ImageOptions, Transform } from '../transform.ts';

const ROWS: readonly TensorMetadata[] = [{ name: 'image', datatype: 'BYTES', shape: [-1] }];
const CHANNELS = 3;
/** Larger pictures are refused before they are unpacked: a small file can hold a very large one. */
const MAX_PIXELS = 64_000_000;
/** Of what one request may become: a picture of 70 bytes is 602,112 of them as FP32, and a body has room for millions. */
const MAX_TENSOR_BYTES = 2 ** 30;

type Sharp = typeof import('sharp').default;

/** @throws Error when sharp is not installed */
export async function image(options: ImageOptions): Promise<Transform> {
  const sharp = await importSharp();
  return {
    inputs: ROWS,
    async preprocess(request, { metadata, bytes }) {
      const [pictures, ...more] = request.inputs;
      if (!pictures || more.length > 0)
        throw refuse(`a request has one input of pictures here, not ${request.inputs.length}`);
      const target = oneInput(metadata);
      const given = bytes(pictures);
      refuseTooMany(given.length, target, options);
      const rows = await Promise.all(given.map((each, row) => pixelsOf(sharp, each, row, options)));
      return { ...request, inputs: [tensorOf(target, rows, options)] };
    },
  };
}

async function importSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw new Error(`the image transform needs the package sharp beside muster: npm install sharp (${why})`);
  }
}

function oneInput({ name, inputs }: ModelMetadata): TensorMetadata {
  const [input, ...more] = inputs;
  if (!input || more.length > 0) throw refuse(`model "${name}" takes ${inputs.length} inputs, and a picture fills one`);
  if (input.datatype !== 'FP32' && input.datatype !== 'UINT8')
    throw refuse(`model "${name}" takes ${input.datatype}, and pictures become FP32 or UINT8`);
  return input;
}

/** @throws Failure 400, before a picture is unpacked */
function refuseTooMany(pictures: number, { datatype }: TensorMetadata, { width, height }: ImageOptions): void {
  const bytes = pictures * width * height * CHANNELS * (datatype === 'FP32' ? 4 : 1);
  if (bytes > MAX_TENSOR_BYTES)
    throw refuse(
      `${pictures} pictures of ${width}x${height} are ${bytes} bytes, and ${MAX_TENSOR_BYTES} are the limit`,
    );
}

/** Red, green, blue, pixel after pixel, row after row. @throws Failure 400 for what is no picture */
async function pixelsOf(
  sharp: Sharp,
  given: Uint8Array,
  row: number,
  { width, height, fit }: ImageOptions,
): Promise<Uint8Array> {
  try {
    const picture = sharp(unwrapped(given), { limitInputPixels: MAX_PIXELS, failOn: 'error' });
    // As a viewer shows it: turned by what the camera noted, without transparency, in sRGB.
    return await picture.rotate().resize(width, height, { fit }).flatten().toColourspace('srgb').raw().toBuffer();
  } catch (error) {
    throw refuse(`picture ${row} cannot be read: ${(error as Error).message.split('\n')[0]}`);
  }
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** JSON carries bytes as base64; a picture itself never looks like it. */
function unwrapped(given: Uint8Array): Uint8Array {
  const start = Buffer.from(given.buffer, given.byteOffset, Math.min(given.length, 64)).toString('latin1');
  if (!BASE64.test(start)) return given;
  return Buffer.from(Buffer.from(given.buffer, given.byteOffset, given.length).toString('latin1'), 'base64');
}

function tensorOf({ name, datatype }: TensorMetadata, rows: readonly Uint8Array[], options: ImageOptions): Tensor {
  const { width, height, layout } = options;
  const size = [height, width];
  const shape = layout === 'NCHW' ? [rows.length, CHANNELS, ...size] : [rows.length, ...size, CHANNELS];
  const each = width * height * CHANNELS;
  if (datatype === 'UINT8') {
    const data = new Uint8Array(rows.length * each);
    rows.forEach((pixels, row) => {
      arrange(pixels, layout, data.subarray(row * each), (value) => value);
    });
    return { name, datatype: 'UINT8', shape, data };
  }
  const data = new Float32Array(rows.length * each);
  rows.forEach((pixels, row) => {
    arrange(pixels, layout, data.subarray(row * each), normaliser(options));
  });
  return { name, datatype: 'FP32', shape, data: new Uint8Array(data.buffer) };
}

function normaliser({ scale, mean, std }: ImageOptions): (value: number, channel: number) => number {
  const by = (list: readonly number[], channel: number) => list[list.length === 1 ? 0 : channel] as number;
  return (value, channel) => (value * scale - by(mean, channel)) / by(std, channel);
}

function arrange(
  pixels: Uint8Array,
  layout: ImageOptions['layout'],
  into: Uint8Array | Float32Array,
  value: (of: number, channel: number) => number,
): void {
  const plane = pixels.length / CHANNELS;
  for (let at = 0; at < pixels.length; at += 1) {
    const channel = at % CHANNELS;
    const place = layout === 'NHWC' ? at : channel * plane + (at - channel) / CHANNELS;
    into[place] = value(pixels[at] as number, channel);
  }
}
