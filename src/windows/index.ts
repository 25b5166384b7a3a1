/** @module Windows: one notion of cutting sound, as data, as functions on samples (whole or in blocks), and as ONNX nodes. */
export * from './cutWindows.ts';
export { wholeCopies } from './wholeCopies.ts';
export * from './windowing.ts';
export { slidingWindowNodes, wholeCopiesNodes, windowNodes } from './windowNodes.ts';
