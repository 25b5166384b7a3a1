/** @module earshot/zeroShot: classes never trained on, by class vectors; sounds of no known class. Runs anywhere. */
export * from './ale.ts';
export * from './classSplits.ts';
export * from './classVectors.ts';
export * from './evaluateSplit.ts';
export * from './fewShot.ts';
export * from './fitRows.ts';
export * from './methods.ts';
export * from './scores.ts';
export * from './stacking.ts';
export * from './summarise.ts';
export * from './tuneOnSeen.ts';
export * from './unknown.ts';
