/**
 * @file Builds dist/ with tsc, then the command line in as few files as it takes. A plain script because install-time
 * hooks do not run (see .npmrc).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

/**
 * Packages that are bundled with it: loading zod's hundred modules one by one takes longer than checking a record. The
 * others are CommonJS, native, or rarely needed.
 */
const bundled = ['csv-parse', 'zod'];
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

// One flat folder, as deep as those of dist/ are: a worker lies beside whoever starts it, and package.json two above.
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['dist/cli/main.js', 'dist/**/*Worker.js'],
  outdir: 'dist/program',
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: Object.keys(dependencies).filter((name) => !bundled.includes(name)),
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
// The command line exists once, and packages that are bundled bring their licences.
rmSync(`${root}dist/cli`, { recursive: true });
const taken = bundled.filter((name) =>
  Object.keys(metafile.inputs).some((path) => path.includes(`node_modules/${name}/`)),
);
writeFileSync(
  `${root}dist/program/LICENSES.txt`,
  taken.map((name) => `${name}\n\n${readFileSync(`${root}node_modules/${name}/LICENSE`, 'utf8')}`).join('\n'),
);
