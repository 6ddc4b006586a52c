/** What the resolver says of the names that matter. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { reasonOf } from '../../errors.ts';
import { before } from '../../launch/before.ts';
import { textAt } from './files.ts';
import { type Answers, lookAtNames, type NetworkFacts, resolverIn } from './names.ts';

/** The same, and what the resolver says. Bounded: three seconds a name. */
export async function lookAtNetwork(
  root: string,
  headAddress: string | undefined,
  now: () => number,
): Promise<NetworkFacts> {
  const files = lookAtNames(root);
  const asked = headAddress !== undefined && isIP(headAddress) === 0 ? headAddress : undefined;
  const [hostnameAnswers, head] = await Promise.all([
    resolve(files.hostname, now),
    asked === undefined ? undefined : resolve(asked, now),
  ]);
  return { ...files, hostnameAnswers, head, resolver: resolverIn(textAt(root, '/etc/resolv.conf') ?? '') };
}

const DNS_MS = 3_000;

async function resolve(name: string, now: () => number): Promise<Answers> {
  const since = now();
  const found = lookup(name, { all: true, order: 'verbatim' }).then(
    (all) => ({ addresses: [...new Set(all.map(({ address }) => address))], error: undefined }),
    (cause: NodeJS.ErrnoException) => ({ addresses: [], error: cause.code ?? reasonOf(cause) }),
  );
  const answer = (await before(DNS_MS, found)) ?? { addresses: [], error: `no answer within ${DNS_MS / 1000} s` };
  return { name, ...answer, tookMs: Math.round(now() - since) };
}
