/** Keeps secrets out of what this member tells others: by the names beside them, and by their own values. Pure. */
import { printable } from '../../printable.ts';
import { isSecretName, MASK, maskInside } from '../args/secrets.ts';
import type { Env } from '../args/settings.ts';

/** Below this a value is found in any text: `TOKEN=1` must not blank every 1. Characters. */
export const SHORTEST = 6;

/** The values that must never be said: the group's token, and what the environment keeps under a secret's name. */
export function secretValues(env: Env, token: string | undefined): string[] {
  const named = Object.entries(env).flatMap(([name, value]) => (value && isSecretName(name) ? [value] : []));
  const all = [...named, ...(token === undefined ? [] : [token])].flatMap((value) => [value, value.trim()]);
  return [...new Set(all)].filter((value) => value.length >= SHORTEST);
}

/** Makes what blanks `secrets` in a text: each as it is, and as JSON, a URL and our own log write it. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const spellings = new Set(secrets.filter((each) => each.length >= SHORTEST).flatMap(spellingsOf));
  const longestFirst = [...spellings].sort((a, b) => b.length - a.length);
  return (text) => maskInside(longestFirst.reduce((rest, each) => rest.replaceAll(each, MASK), text));
}

const spellingsOf = (secret: string): string[] => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret.toWellFormed()),
  printable(secret),
];
