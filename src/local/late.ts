/** `--late MEMBER=SECONDS`: members that start later, to see who waits for them. Pure. */
import type { Refusal } from '../errors.ts';
import type { Group } from './group.ts';
import { whichMember } from './which-member.ts';

export function lateMembers(
  entries: readonly string[],
  { name, members }: Pick<Group, 'name' | 'members'>,
): { readonly seconds: Readonly<Record<string, number>>; readonly refusals: readonly Refusal[] } {
  const seconds: Record<string, number> = {};
  const refusals: Refusal[] = [];
  for (const entry of entries) {
    const [, said = '', number = ''] = /^([^=]+)=(\d{1,4}(?:\.\d{1,3})?)$/.exec(entry) ?? [];
    const member = whichMember(said, name, members);
    if (member !== undefined) seconds[member] = Number(number);
    else {
      refusals.push({
        code: 'USAGE',
        message: `--late "${entry}" is no member of ${members} and a number of seconds`,
        hint: 'Write for example --late head=30, or --late 2=5.',
      });
    }
  }
  return { seconds, refusals };
}
