/** @file Starts a worker thread from a sibling module, from `dist/` (JavaScript) or straight from `src/` in tests. */
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the module `name` that lies beside the caller.
 * @param from the caller's `import.meta.url`
 * @param name the sibling's file name without extension, such as `engineWorker`
 */
export function startWorker(from: string, name: string, options: WorkerOptions = {}): Worker {
  const typescript = from.endsWith('.ts');
  const url = new URL(`./${name}.${typescript ? 'ts' : 'js'}`, from);
  // Sources run through tsx (a development dependency); the published package never takes this branch.
  return new Worker(url, typescript ? { ...options, execArgv: ['--import', 'tsx'] } : options);
}
