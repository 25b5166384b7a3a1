/** @file Starts a worker thread from a sibling module, from `dist/` (JavaScript) or straight from `src/` in tests. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the module `name` that lies beside the caller.
 * @param from the caller's `import.meta.url`
 * @param name the sibling's file name without extension, such as `engineWorker`
 */
export function startWorker(from: string, name: string, options: WorkerOptions = {}): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`./${name}.js`, from), options);
  // TypeScript sources run through tsx, a development dependency; the published package never gets here.
  const tsx = new URL(
    'dist/esm/api/index.mjs',
    pathToFileURL(createRequire(from).resolve('tsx/package.json')),
  ).href;
  const entry = new URL(`./${name}.ts`, from).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(start, { ...options, eval: true });
}
