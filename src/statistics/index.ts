/** @module earshot/statistics: numbers in, intervals and p-values out; division of items by group. */
export * from './bootstrap.ts';
export * from './groupedParts.ts';
export * from './holm.ts';
export * from './jackknife.ts';
export * from './kruskalWallis.ts';
export * from './mcnemar.ts';
export * from './permutation.ts';
export * from './summaries.ts';
