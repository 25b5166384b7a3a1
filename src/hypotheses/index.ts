/** @module earshot/hypotheses: what in the sound carries the class: five claims, their tests, and a report. Node only. */
export * from './five.ts';
export type * from './hypothesis.ts';
export * from './measure/clipMeasures.ts';
export * from './measure/measureClips.ts';
export * from './quickChoice.ts';
export * from './recordings.ts';
export * from './report/hypothesesReport.ts';
export * from './report/writeHypothesesReport.ts';
export * from './testHypotheses.ts';
export type * from './tests/results.ts';
export * from './verdict.ts';
