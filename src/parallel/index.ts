/** @module Worker threads and processes (Node): starting one, a pool of threads, one task in a process of its own. */
export * from './guarded.ts';
export * from './pool.ts';
export * from './process.ts';
export * from './serveProcess.ts';
export * from './serveTasks.ts';
export * from './withinTime.ts';
export * from './worker.ts';
