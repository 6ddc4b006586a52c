/**
 * One executable file that is muster: Node's own binary, marked as a single-executable application, with a line of
 * script that loads `lib/dist/start.cjs` from beside it. Pure: what to keep and what to overwrite, for whoever holds the file.
 *
 * A `sh` wrapper would need a shell, and dash drops every variable from the environment whose name is no identifier
 * (`foo.bar`, `my-var`), which Kubernetes allows. Start-up is the same either way (docs/decisions/0006).
 *
 * Node looks for its script in an ELF note named NODE_SEA_BLOB, among the notes the program headers point to. The
 * linker leaves zeros between two segments, up to the end of the page, and the kernel maps them with the first: the notes
 * go there, no header has to move, and no address changes.
 */

/** The parts of an ELF program header that matter here; offsets and sizes in bytes. */
interface Segment {
  /** Where the header itself lies in the file. */
  readonly at: number;
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

export interface Seal {
  /** Bytes of the file that are loaded; behind them lie only symbols and section headers (18 MB). */
  readonly keep: number;
  readonly patches: readonly Patch[];
}

/** A file, by position, so that nobody must read 120 MB to change 300 bytes. */
export interface Image {
  readonly read: (at: number, length: number) => Buffer;
  /** Every place where the text stands; Node has it once. */
  readonly find: (text: string) => readonly number[];
}

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';
const NOTE_NAME = 'NODE_SEA_BLOB\0';
const PAGE = 4096;
const LOAD = 1;
const NOTE = 4;

/**
 * @param blob what `node --experimental-sea-config` of the same Node made
 * @returns what to do, or why this binary cannot be sealed
 */
export function sealOf(image: Image, blob: Buffer): Seal | string {
  const header = image.read(0, 64);
  if (header.toString('latin1', 0, 4) !== '\x7fELF' || header[4] !== 2 || header[5] !== 1) {
    return 'it is no 64-bit little-endian ELF file';
  }
  const [fuse, ...more] = image.find(FUSE);
  if (fuse === undefined || more.length > 0) return 'it holds no fuse for single executables: is it an official Node?';
  const segments = segmentsOf(image, header);
  const loads = segments.filter(({ type }) => type === LOAD);
  const notes = segments.filter(({ type }) => type === NOTE);
  const [note] = notes;
  if (!note || loads.length === 0) return 'it has no ELF notes';
  const data = Buffer.concat([padded(image.read(note.offset, note.fileSize)), noteWith(blob)]);
  const home = loads.map((load) => roomBehind(load, loads, image)).find((room) => room.bytes >= data.length);
  if (!home) return `no segment leaves ${data.length} bytes behind it`;
  return {
    keep: Math.max(...loads.map(({ offset, fileSize }) => offset + fileSize)),
    patches: [
      { at: home.at, bytes: data },
      ...moved(note, { offset: home.at, address: home.address, size: data.length }),
      ...grown(home.load, home.at + data.length - home.load.offset),
      { at: fuse + FUSE.length, bytes: Buffer.from('1') },
      // No section headers: they lay behind what is kept.
      { at: 40, bytes: Buffer.alloc(8) },
      { at: 60, bytes: Buffer.alloc(4) },
    ],
  };
}

function segmentsOf(image: Image, header: Buffer): Segment[] {
  const size = header.readUInt16LE(54);
  const from = Number(header.readBigUInt64LE(32));
  return Array.from({ length: header.readUInt16LE(56) }, (_, index) => {
    const at = from + index * size;
    const bytes = image.read(at, size);
    const field = (offset: number): number => Number(bytes.readBigUInt64LE(offset));
    return {
      at,
      type: bytes.readUInt32LE(0),
      offset: field(8),
      address: field(16),
      fileSize: field(32),
      memorySize: field(40),
    };
  });
}

/** Zeros between the end of `load` and that of its page, or the next segment; none behind one that goes on in memory. */
function roomBehind(load: Segment, loads: readonly Segment[], image: Image) {
  const end = load.offset + load.fileSize;
  const at = Math.ceil(end / 8) * 8;
  const next = Math.min(
    ...loads.map(({ offset }) => offset).filter((offset) => offset >= end),
    Number.POSITIVE_INFINITY,
  );
  const until = Math.min(Math.ceil(end / PAGE) * PAGE, next);
  const isFree =
    load.memorySize === load.fileSize &&
    next < Number.POSITIVE_INFINITY &&
    until > at &&
    image.read(end, until - end).every((byte) => byte === 0);
  return { load, at, address: load.address + at - load.offset, bytes: isFree ? until - at : 0 };
}

function noteWith(blob: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(NOTE_NAME.length, 0);
  head.writeUInt32LE(blob.length, 4);
  return Buffer.concat([head, padded(Buffer.from(NOTE_NAME)), padded(blob)]);
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

/** offset, virtual and physical address; size in the file and in memory. */
const moved = ({ at }: Segment, to: { offset: number; address: number; size: number }): Patch[] => [
  { at: at + 8, bytes: Buffer.concat([word(to.offset), word(to.address), word(to.address)]) },
  { at: at + 32, bytes: Buffer.concat([word(to.size), word(to.size)]) },
];

const grown = ({ at }: Segment, size: number): Patch[] => [
  { at: at + 32, bytes: Buffer.concat([word(size), word(size)]) },
];
