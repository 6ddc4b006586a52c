/** What a check says: one subject, its value with its unit, what is wanted, and what to do. Pure. */

/** `ok`: as it should be. `note`: worth knowing. `warn`: works, but not well, or not always. `fail`: the launch will not hold. */
export type Level = 'ok' | 'note' | 'warn' | 'fail';

export interface Finding {
  /** The name of the check, as in docs/doctor.md. */
  readonly check: string;
  readonly level: Level;
  /** What was looked at, e.g. `/dev/shm size`. */
  readonly subject: string;
  /** What was seen; null: nothing could be seen. */
  readonly value: string | number | null;
  /** Of the value; empty for words. */
  readonly unit: string;
  /** What it should be; empty where any value will do. */
  readonly wanted: string;
  /** What to do; empty where there is nothing to do. */
  readonly next: string;
}

/** All but the name of the check and the level; what is left out is empty. */
export type Said = Pick<Finding, 'subject' | 'value'> & Partial<Pick<Finding, 'unit' | 'wanted' | 'next'>>;

export type Say = Readonly<Record<Level, (said: Said) => Finding>>;

/** The four ways a check can speak. */
export function sayAs(check: string): Say {
  const at = (level: Level) => (said: Said) => ({ unit: '', wanted: '', next: '', ...said, check, level });
  return { ok: at('ok'), note: at('note'), warn: at('warn'), fail: at('fail') };
}

const MIB = 1024 * 1024;

/** Bytes as MiB, whole above ten. */
export const mib = (bytes: number): number =>
  bytes < 10 * MIB ? Math.round((bytes / MIB) * 10) / 10 : Math.round(bytes / MIB);

/** The first few of many, and how many more there are. */
export function some(words: readonly string[], most = 4): string {
  const more = words.length - most;
  return words.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
