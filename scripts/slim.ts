/**
 * What of the packages muster never reaches, left out of the bundle: half of 4 MB. A name here is a promise about our own
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
  // grpc-js: for channelz, which is off; dockerode: for builds of images.
  { module: /^@grpc\/proto-loader$/ },
  { module: /^(tar-fs|@balena\/dockerignore)$/, by: /node_modules\/dockerode\// },
  { module: /^\.\/(session|buildkit)$/, by: /node_modules\/dockerode\// },
  // fastify: for routes that have a schema, and for requests that no network brings.
  { module: /^@fastify\/(ajv-compiler|fast-json-stringify-compiler)$/, instead: lazily('schemas of fastify') },
  { module: /^light-my-request$/ },
  // … and for plugins that ask for a version of it.
  { module: /^semver$/, by: /node_modules\/fastify\// },
  // grpc-js: ways to balance load that a service config would have to ask for.
  {
    module: /^\.\/load-balancer-(outlier-detection|weighted-round-robin)$/,
    by: /grpc-js\/build\/src\/index\.js$/,
    instead: 'exports.setup = () => {}',
  },
  // zod: its messages in forty languages.
  { module: /locales\/index\.js$/, by: /node_modules\/zod\//, instead: 'export {}' },
  { module: /from-json-schema\.js$/, by: /node_modules\/zod\//, instead: 'export const fromJSONSchema = undefined' },
  // redis: modules of the server, clusters, sentinels, and all commands but the two that the gateway's cache sends.
  { module: /^redis$/, instead: "module.exports = require('@redis/client')" },
  { module: /^\.\/lib\/(cluster|sentinel)$/, by: /node_modules\/@redis\/client\// },
  { module: /command-metadata-data$/, by: /node_modules\/@redis\/client\//, instead: 'exports.COMMAND_METADATA = {}' },
  { module: /^(\.\.|\.\/lib)\/commands$/, by: /node_modules\/@redis\/client\//, instead: redisCommands('GET', 'SET') },
  // docker-modem: Node's own streams are what this package was copied from.
  { module: /^readable-stream$/, instead: "module.exports = require('node:stream')" },
];

export const slim: Plugin = {
  name: 'slim',
  setup(build) {
    const cut = ({ path, importer, resolveDir }: OnResolveArgs): OnResolveResult | undefined =>
      CUTS.some(({ module, by }) => module.test(path) && (by?.test(importer) ?? true))
        ? { path, namespace: 'cut', pluginData: resolveDir }
        : undefined;
    for (const { module } of CUTS) build.onResolve({ filter: module }, cut);
    build.onLoad({ filter: /.*/, namespace: 'cut' }, ({ path, pluginData }) => ({
      contents: CUTS.find(({ module }) => module.test(path))?.instead ?? refusal(path),
      resolveDir: pluginData,
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

/** In place of the list of all: these, under both of the names that it gives each. */
function redisCommands(...names: readonly string[]): string {
  const both = names.map((name) => `${name}: ${name}, ${name.toLowerCase()}: ${name}`).join(', ');
  const loaded = names
    .map((name) => `const ${name} = require('@redis/client/dist/lib/commands/${name}').default;`)
    .join('');
  return `${loaded} exports.__esModule = true; exports.NON_STICKY_COMMANDS = exports.default = { ${both} };`;
}
