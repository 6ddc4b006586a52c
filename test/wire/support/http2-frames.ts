/** HTTP/2 written frame by frame, for what no library would send. */
export const [DATA, HEADERS, RST_STREAM, SETTINGS, PING] = [0, 1, 3, 4, 6];
export const [END_HEADERS, END_STREAM_AND_HEADERS] = [4, 5];

export function frame(type: number, { flags = 0, stream = 0, payload = Buffer.alloc(0) }): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, {})]);

/** A request, whole without a body by default. Each header as HPACK has it without a table: a zero, and two texts with their lengths. */
export function request(headers: Readonly<Record<string, string>>, flags = END_STREAM_AND_HEADERS): Buffer {
  const all = { ':scheme': 'http', ':authority': 'x', ...headers };
  const payload = Buffer.concat(
    Object.entries(all).flatMap(([name, value]) => [
      Buffer.of(0, name.length),
      Buffer.from(name),
      Buffer.of(value.length),
      Buffer.from(value),
    ]),
  );
  return frame(HEADERS, { flags, stream: 1, payload });
}

export const BROKEN = frame(DATA, { payload: Buffer.alloc(8) }); // stream 0 carries none
export const CANCEL = Buffer.of(0, 0, 0, 8);
/** What ends a call: its own end, and its connection's. */
export const ENDS = [BROKEN, frame(RST_STREAM, { stream: 1, payload: CANCEL })];
