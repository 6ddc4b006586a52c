/**
 * Stands in the bundle where docker-modem asks for `ssh2`: a Docker behind ssh is refused before (where-docker.ts), and
 * ssh2 would bring half a megabyte and native code.
 */
export class Client {
  constructor() {
    throw new Error('muster is built without ssh');
  }
}
