/**
 * What of the packages muster never reaches, left out of the bundle: 1.6 of 4 MB. A name here is a promise about our own
 * code; where it is broken after all, the call fails with the package's name.
 */
import type { OnResolveArgs, OnResolveResult, Plugin } from 'esbuild';

interface Cut {
  /** What is imported. */
  readonly module: RegExp;
  /** By whom; anybody when it is missing. */
  readonly by?: RegExp;
  /** What stands there instead; a function that throws unless told. */
  readonly instead?: string;
}

const CUTS: readonly Cut[] = [
  // grpc-js: for channelz, which is off; dockerode: for builds by BuildKit, with a session of its own.
  { module: /^@grpc\/proto-loader$/ },
  { module: /^\.\/(session|buildkit)$/, by: /node_modules\/dockerode\// },
  // fastify: for routes that have a schema, and for requests that no network brings.
  { module: /^@fastify\/(ajv-compiler|fast-json-stringify-compiler)$/, instead: lazily('schemas of fastify') },
  { module: /^light-my-request$/ },
  // zod: its messages in forty languages.
  { module: /locales\/index\.js$/, by: /node_modules\/zod\//, instead: 'export {}' },
  // docker-modem: Node's own streams are what this package was copied from.
  { module: /^readable-stream$/, instead: "module.exports = require('node:stream')" },
];

export const slim: Plugin = {
  name: 'slim',
  setup(build) {
    const cut = ({ path, importer }: OnResolveArgs): OnResolveResult | undefined =>
      CUTS.some(({ module, by }) => module.test(path) && (by?.test(importer) ?? true))
        ? { path, namespace: 'cut' }
        : undefined;
    for (const { module } of CUTS) build.onResolve({ filter: module }, cut);
    build.onLoad({ filter: /.*/, namespace: 'cut' }, ({ path }) => ({
      contents: CUTS.find(({ module }) => module.test(path))?.instead ?? refusal(path),
    }));
  },
};

function refusal(module: string): string {
  return `module.exports = () => { throw new Error('muster is built without ${module}') }`;
}

/** For what is set up always, and used only if need be. */
function lazily(what: string): string {
  return `module.exports = () => () => { throw new Error('muster is built without ${what}') }`;
}
