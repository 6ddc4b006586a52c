/** What the kernel's out-of-memory killer has to do with the end of a generation. Pure. */
import type { OomKills } from '../../process/oom-kills.ts';
import type { Ending } from '../rally/rally.ts';

const WITNESS = '(oom_kill in ';

/**
 * The ending with what the kernel did meanwhile, when it was this member that failed: the server may have been killed
 * itself, or have lost a worker and said something else. Its status stays as it was.
 *
 * @param before  when the generation began
 * @param now     at its end
 */
export function withOomKills(
  ending: Ending,
  member: string,
  { before, now }: { readonly before: OomKills | undefined; readonly now: OomKills | undefined },
): Ending {
  const killed = now && before?.file === now.file ? now.count - before.count : 0;
  if (killed <= 0 || !now || ending.culprit !== member || ending.code === 'STOPPED' || ending.code === 'DONE')
    return ending;
  // It may have gone to the head and come back.
  if (ending.message.includes(WITNESS)) return ending;
  const who = killed === 1 ? 'a process' : `${killed} processes`;
  return {
    ...ending,
    message: `${ending.message}; the kernel had killed ${who} of ${member} for want of memory ${WITNESS}${now.file})`,
    hint: 'Raise the memory limit of the container, or let the server take less: a shorter context, fewer workers, more members.',
  };
}
