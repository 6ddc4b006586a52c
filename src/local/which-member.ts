/** Which member is meant: `demo-1`, `1`, `head`. Pure. */

/** @returns the full name of a member of `group`; undefined: it has none like that */
export function whichMember(said: string, group: string, size: number): string | undefined {
  const ordinal = said === 'head' ? '0' : said.startsWith(`${group}-`) ? said.slice(group.length + 1) : said;
  return /^\d{1,2}$/.test(ordinal) && Number(ordinal) < size ? `${group}-${Number(ordinal)}` : undefined;
}
