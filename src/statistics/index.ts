/** @module earshot/statistics: numbers in, intervals and p-values out. */
export * from './bootstrap.ts';
export * from './groupedParts.ts';
export * from './mcnemar.ts';
export * from './summaries.ts';
