/**
 * What of the packages muster never reaches, left out of the bundle: half of 4 MB. A name here is a promise about our own
 * code; where it is broken after all, the call fails with the package's name.
 */
import { createRequire } from 'node:module';
import type { OnResolveArgs, OnResolveResult, Plugin } from 'esbuild';

interface Cut {
  /** What is imported. */
  readonly module: RegExp;
  /** By whom; anybody when it is missing. */
  readonly by?: RegExp;
  /** What stands there instead; a function that throws unless told. */
  readonly instead?: string;
}

const ZOD_COMPILER = 'INVALID compile withParser ZodCompileAsyncError ZodCompileUnsupportedError';
const ZOD_TO_JSON = 'JSONSchemaGenerator createToJSONSchemaMethod createStandardJSONSchemaMethod';

const CUTS: readonly Cut[] = [
  // grpc-js: for channelz, which is off; dockerode: for builds of images, and for swarms.
  { module: /^@grpc\/proto-loader$/ },
  { module: /^(tar-fs|@balena\/dockerignore)$/, by: /node_modules\/dockerode\// },
  { module: /^\.\/(session|buildkit)$/, by: /node_modules\/dockerode\// },
  { module: /^\.\/(service|plugin|secret|config|task|node)$/, by: /node_modules\/dockerode\// },
  // fastify: for routes that have a schema, and for requests that no network brings.
  { module: /^@fastify\/(ajv-compiler|fast-json-stringify-compiler)$/, instead: lazily('schemas of fastify') },
  { module: /^light-my-request$/ },
  // … for what is not right about its options, which are written here.
  { module: /^\.\/config-validator$/, by: /node_modules\/fastify\//, instead: fastifyDefaults() },
  // … and for plugins that ask for a version of it.
  { module: /^semver$/, by: /node_modules\/fastify\// },
  // grpc-js: ways to balance load that a service config would have to ask for.
  {
    module: /^\.\/load-balancer-(outlier-detection|weighted-round-robin)$/,
    by: /grpc-js\/build\/src\/index\.js$/,
    instead: 'exports.setup = () => {}',
  },
  // … and for what is asked of a proxy before it, and for paths that are regular expressions.
  { module: /^@fastify\/proxy-addr$/, by: /node_modules\/fastify\//, instead: lazily('trustProxy of fastify') },
  { module: /^safe-regex2$/, by: /node_modules\/find-my-way\//, instead: lazily('regular expressions in paths') },
  // grpc-js: what channelz would count.
  { module: /^\.\/channelz$/, by: /node_modules\/@grpc\/grpc-js\//, instead: withoutChannelz() },
  // prom-client: summaries, metrics of the process, ways to send them. pino: writers in threads. docker-modem: its log.
  { module: /^\.\/lib\/(summary|pushgateway|defaultMetrics|cluster)$/, by: /node_modules\/prom-client\// },
  { module: /^thread-stream$/, by: /node_modules\/pino\// },
  { module: /^debug$/, by: /node_modules\/(dockerode|docker-modem)\//, instead: 'module.exports = () => () => {}' },
  // What is as wide as two letters in a terminal: Node knows it.
  { module: /^emoji-regex$/, instead: 'export default () => /\\p{RGI_Emoji}/gv' },
  // execa: what it writes about each command when it is asked to.
  { module: /^figures$/, by: /node_modules\/execa\//, instead: 'export default {}' },
  // zod: its messages in forty languages.
  { module: /locales\/index\.js$/, by: /node_modules\/zod\//, instead: 'export {}' },
  { module: /from-json-schema\.js$/, by: /node_modules\/zod\//, instead: 'export const fromJSONSchema = undefined' },
  // … its compiler of schemas, and the way from them to JSON schemas, which only the build goes.
  { module: /^\.\/compile\.js$/, by: /node_modules\/zod\//, instead: nothingOf(ZOD_COMPILER) },
  { module: /(json-schema-generator|to-json-schema)\.js$/, by: /node_modules\/zod\//, instead: nothingOf(ZOD_TO_JSON) },
  { module: /json-schema-processors\.js$/, by: /node_modules\/zod\//, instead: 'module.exports = {}' },
  // redis: modules of the server, clusters, sentinels, and all commands but the two that the gateway's cache sends.
  { module: /^redis$/, instead: "module.exports = require('@redis/client')" },
  { module: /^\.\/lib\/(cluster|sentinel)$/, by: /node_modules\/@redis\/client\// },
  // … pools of clients, and answers kept at the client.
  {
    module: /^\.(\/lib\/client)?\/pool$/,
    by: /node_modules\/@redis\/client\//,
    instead: 'exports.RedisClientPool = {}',
  },
  { module: /^\.(\/lib\/client)?\/cache$/, by: /node_modules\/@redis\/client\//, instead: '' },
  {
    module: /^\.\/metrics$/,
    by: /node_modules\/@redis\/client\/dist\/lib\/opentelemetry\//,
    instead: withoutMetrics(),
  },
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

/** The options that are not given. */
function fastifyDefaults(): string {
  const { defaultInitOptions } = createRequire(import.meta.url)('fastify/lib/config-validator');
  return `module.exports = () => true; module.exports.defaultInitOptions = ${JSON.stringify(defaultInitOptions)};`;
}

/** What counts for channelz, counting nothing. */
function withoutChannelz(): string {
  const words =
    'addTrace getTraceMessage refChild unrefChild getChildLists addCallStarted addCallSucceeded addCallFailed';
  const methods = words.split(' ').map((name) => `${name}() {}`);
  const kinds = ['Trace', 'ChildrenTracker', 'CallTracker'].flatMap((kind) => [kind, `${kind}Stub`]);
  const registers = ['Channel', 'Subchannel', 'Server', 'Socket'].map((kind) => `registerChannelz${kind}`);
  return `class Nothing { ${methods.join(' ')} }
    Object.assign(exports, { ${kinds.map((kind) => `Channelz${kind}: Nothing`).join(', ')} });
    for (const name of ${JSON.stringify(registers)}) exports[name] = () => ({});
    exports.unregisterChannelzRef = exports.setup = () => {};`;
}

/** Exports that nobody here uses. */
function nothingOf(names: string): string {
  return names
    .split(' ')
    .map((name) => `export const ${name} = undefined;`)
    .join(' ');
}

/** Of whatever is asked, and called, nothing comes. */
function withoutMetrics(): string {
  return `const nothing = new Proxy(() => nothing, { get: (_, name) => (name === 'then' ? undefined : nothing) });
    exports.OTelMetrics = { instance: nothing };`;
}
