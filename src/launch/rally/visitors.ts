/** Who was refused, and why: remembered for the progress line, logged at most once a second. Pure. */
import type { ErrorCode, Refusal } from '../../errors.ts';
import { printable } from '../../printable.ts';
import { clip, LIMIT } from './limits.ts';
import type { AwaitedLayer } from './rally.ts';
import { log, type Roll, type Step, type Visitor } from './roll.ts';
import { seconds } from './words.ts';

const LOG_EVERY_MS = 1000;

export function noteRefusal(roll: Roll, { who, refusal }: { who: string; refusal: Refusal }, now: number): Step {
  const name = clip(printable(who), 2 * LIMIT.name);
  const message = clip(printable(refusal.message), LIMIT.sentence);
  const before = roll.visitors.find((visitor) => visitor.who === name);
  const visitor: Visitor = { who: name, code: refusal.code, message, count: (before?.count ?? 0) + 1, at: now };
  const visitors = [...roll.visitors.filter((other) => other !== before), visitor].slice(-LIMIT.visitors);
  if (now - roll.refusalLoggedAt < LOG_EVERY_MS) return { roll: { ...roll, visitors }, effects: [] };
  const times = visitor.count > 1 ? ` (${visitor.count} times)` : '';
  return {
    roll: { ...roll, visitors, refusalLoggedAt: now },
    effects: [log('warn', `refused ${name}: ${refusal.code}${times}: ${message}`)],
  };
}

/** One clause a visitor, most recent first. */
export const visitorsList = (roll: Roll, now: number): string =>
  [...roll.visitors]
    .reverse()
    .slice(0, 4)
    .map(({ who, code, message, count, at }) => {
      const often = count > 1 ? `, ${count} times` : '';
      return `${who} (${layerOf(code)}, ${code}${often}, ${seconds(now - at)} ago: ${clip(message, LIMIT.repeated)})`;
    })
    .join('; ');

/** How far the visitor came: the layers of joining, in the order they are passed. */
export function layerOf(code: ErrorCode): AwaitedLayer {
  if (code === 'VERSION_MISMATCH') return 'version';
  if (code === 'PLAN_MISMATCH') return 'plan';
  if (code === 'MODEL_MISMATCH') return 'model';
  if (code === 'DEVICES_SHORT') return 'GPU';
  if (code === 'TLS_REFUSED') return 'TLS';
  if (code === 'TOKEN_WRONG' || code === 'PROTOCOL') return 'hello';
  return 'seat';
}
