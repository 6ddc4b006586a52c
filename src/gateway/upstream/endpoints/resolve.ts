/** All addresses of a name. */
import { lookup } from 'node:dns/promises';
import { wireErrorOf } from '../../../wire/wire-error.ts';

/** @throws WireError `dns` */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** As the system does it: hosts file, search domains, A and AAAA. */
export const systemResolve: Resolve = async (host) => {
  try {
    const found = await lookup(host, { all: true, order: 'verbatim' });
    return found.map(({ address }) => address);
  } catch (error) {
    throw wireErrorOf(error, host, 'dns');
  }
};
