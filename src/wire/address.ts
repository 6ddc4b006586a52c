/** `host:port` as people and Ray write it; IPv6 in brackets. */
export interface Address {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** @returns the address, or what is wrong with `text` in words that can follow its name */
export function parseAddress(text: string): Address | { readonly error: string } {
  const parts = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(text);
  if (!parts) return { error: `"${text}" is not host:port (IPv6: [::1]:6379)` };
  const port = Number(parts[3]);
  if (port < 1 || port > 65_535) return { error: `port ${port} of "${text}" is not within 1-65535` };
  return { host: parts[1] ?? parts[2] ?? '', port };
}

/** The inverse: brackets only around IPv6. */
export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
