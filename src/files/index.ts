/** @module Files (Node): whole-or-absent writes, content hashes remembered between runs, the cache folder. */
export * from './atomic.ts';
export * from './cacheDirectory.ts';
export * from './claim.ts';
export * from './contentHashes.ts';
export * from './folders.ts';
export * from './lineLog.ts';
export * from './records.ts';
export * from './turn.ts';
