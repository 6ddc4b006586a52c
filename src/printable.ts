/** C0 and C1 control characters and DEL, but the tab. */
const CONTROL = /(?!\t)\p{Cc}/gu;

/** Control characters of a peer or a server must not forge a log line or drive a terminal. */
export const printable = (text: string): string =>
  text.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
