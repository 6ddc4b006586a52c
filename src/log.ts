/**
 * muster's own voice, on stderr: stdout belongs to the server.
 *
 * Two formats: `text` for people (one line: time since start, who speaks, words) and `json` for collectors (pino).
 * Lines are written at once (process/write-stderr.ts), so that nothing is buffered when the process is replaced.
 */
import { printable } from './printable.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log with `who` as the speaker, e.g. `head` or `worker-1`. */
  as(who: string): Log;
}

const RANK: Record<Level, number> = { debug: 20, info: 30, warn: 40, error: 50 };

export interface LogOptions {
  readonly level: Level;
  /** Milliseconds on the monotonic clock. */
  readonly now: () => number;
  readonly write: (text: string) => void;
  readonly who?: string;
}

/** One line a message, `muster +1.234s worker-1: words key=value`. */
export function textLog({ level, now, write, who = '' }: LogOptions): Log {
  const line =
    (at: Level) =>
    (message: string, fields: Fields = {}) => {
      if (RANK[at] < RANK[level]) return;
      const pairs = Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => ` ${key}=${printable(String(value))}`)
        .join('');
      const loud = at === 'warn' || at === 'error' ? `${at.toUpperCase()} ` : '';
      write(`muster +${(now() / 1000).toFixed(3)}s ${who ? `${who}: ` : ''}${loud}${printable(message)}${pairs}\n`);
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    as: (name) => textLog({ level, now, write, who: name }),
  };
}

/** Newline-delimited JSON by pino, loaded only when asked for: it costs 8 ms of a 23 ms start. */
export async function jsonLog({ level, write, who }: LogOptions): Promise<Log> {
  // Not `{ pino }`: a bundler gives a CommonJS module its default export only.
  const {
    default: { pino },
  } = await import('pino');
  const base = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
  const wrap = (to: typeof base): Log => {
    const line =
      (at: Level) =>
      (message: string, fields: Fields = {}) =>
        to[at](fields, message);
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      // From the base: a child of a child would say `who` twice in one object.
      as: (name) => wrap(base.child({ who: name })),
    };
  };
  return wrap(who ? base.child({ who }) : base);
}
