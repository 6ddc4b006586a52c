/**
 * `npm run build`: one bundle in dist/ that needs no node_modules, the catalogue already checked, the JSON schema of
 * runtime files, and a warm compile cache. Run by Node 24 (scripts/setup.mjs sees to that).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transformSync } from 'esbuild';
import { shareCompileCache } from '../src/install/compile-cache.ts';
import { parseRuntime } from '../src/launch/catalogue/parse.ts';
import { runtimeJsonSchema } from '../src/launch/catalogue/schema.ts';
import { pageTexts } from '../src/launch/watch/page.ts';
import { slim } from './slim.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Made beside, and put in its place when it is whole: somebody may be starting from the one that is there. */
const dist = join(root, '.cache', `dist-${process.pid}`);
mkdirSync(dist, { recursive: true });
process.once('exit', () => rmSync(dist, { recursive: true, force: true }));

// CommonJS dependencies (grpc-js, pino) call require for Node's own modules.
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";
await build({
  // Transforms and ways that are measured run in threads of their own, each of which begins with a file.
  entryPoints: {
    bin: join(root, 'src/bin.ts'),
    'transform-worker': join(root, 'src/gateway/transform/worker.ts'),
    'bench-worker': join(root, 'src/bench/worker.ts'),
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minify: true,
  // Beside the bundle, for scripts/where.ts; never installed.
  sourcemap: 'external',
  sourcesContent: false,
  // Native, optional, and looked for when a picture is to be read.
  external: ['sharp'],
  plugins: [slim],
  // Modules before CommonJS, where a package has both: of these what is not used is left out.
  mainFields: ['module', 'main'],
  legalComments: 'linked',
  chunkNames: 'chunk-[name]-[hash]',
  // dockerode's way to a Docker behind ssh, which is refused.
  alias: { ssh2: join(root, 'src/local/no-ssh.ts') },
  // A string: an object would be loaded with every chunk.
  define: { MUSTER_PAGE: JSON.stringify(JSON.stringify(pageFiles())) },
  banner: { js: REQUIRE },
});
// The line stays, for the source map.
for (const file of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
  const text = readFileSync(join(dist, file), 'utf8').replace(REQUIRE, '');
  if (!/\brequire\b/.test(text)) writeFileSync(join(dist, file), text);
}

const runtimes = join(root, 'runtimes');
const files = readdirSync(runtimes).filter((file) => file.endsWith('.yaml'));
const compiled = Object.fromEntries(
  files.map((file) => {
    const text = readFileSync(join(runtimes, file), 'utf8');
    return [file, { text, runtime: parseRuntime(text, file) }];
  }),
);
writeFileSync(join(dist, 'catalogue.json'), JSON.stringify(compiled));
writeFileSync(join(runtimes, 'schema.json'), `${JSON.stringify(runtimeJsonSchema(), null, 2)}\n`);

/** `muster install` seals a Node with this: one file that loads the bundle from beside it (src/install/seal.ts). */
writeFileSync(join(dist, 'start.cjs'), "import('./bin.js');\n");
const script = "require('node:module').createRequire(process.execPath)('./lib/dist/start.cjs')";
const sealing = { main: 'stub.cjs', output: 'start.blob', disableExperimentalSEAWarning: true };
writeFileSync(join(dist, 'stub.cjs'), script);
writeFileSync(join(dist, 'stub.json'), JSON.stringify(sealing));
execFileSync(process.execPath, ['--experimental-sea-config', 'stub.json'], { cwd: dist, stdio: 'ignore' });
for (const file of ['stub.cjs', 'stub.json']) rmSync(join(dist, file));

const built = join(root, 'dist');
const former = `${dist}-former`;
if (existsSync(built)) renameSync(built, former);
renameSync(dist, built);
rmSync(former, { recursive: true, force: true });

/** Node compiles once, here: what a start needs by starting, of the rest what loading it needs. */
const muster = (...argv: string[]) =>
  execFileSync(process.execPath, [join(built, 'bin.js'), ...argv], { stdio: 'ignore' });
muster('run', '--', 'true');
muster('run', '--takeover=supervise', '--', 'true');
muster('launch', 'demo', '--explain', '--', '--tensor-parallel-size=1');
muster('runtimes');
muster('--version');
const cache = JSON.stringify({ directory: join(built, '.compile-cache'), portable: true });
const chunks = readdirSync(built).filter((file) => /^chunk-.*\.js$/.test(file));
const load = `require('node:module').enableCompileCache(${cache});Promise.all(${JSON.stringify(chunks)}.map((each)=>import('./'+each)))`;
execFileSync(process.execPath, ['-e', load], { cwd: built, stdio: 'ignore' });
shareCompileCache(join(built, '.compile-cache'));

/** The files of `web/`, without what only people read. */
function pageFiles(): Readonly<Record<string, string>> {
  const short = (name: string, text: string) => {
    const [loader] = /(?<=\.)(js|css)$/.exec(name) ?? [];
    return loader === 'js' || loader === 'css' ? transformSync(text, { loader, minify: true }).code : text;
  };
  return Object.fromEntries(
    Object.entries(pageTexts(join(root, 'web'))).map(([name, text]) => [name, short(name, text)]),
  );
}
