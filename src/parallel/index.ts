/** @module Worker threads (Node): starting one, and a pool of them that answers tasks. */
export * from './pool.ts';
export * from './serveTasks.ts';
export * from './worker.ts';
