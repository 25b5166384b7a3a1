/** @module earshot/onnx: ONNX graphs as data: build, read, write, infer shapes, print. Runs anywhere. */
export * from './builder.ts';
export * from './composites.ts';
export { dataTypeNumber, dtypeFromNumber, isFloat } from './dataTypes.ts';
export * from './decodeModel.ts';
export * from './encodeModel.ts';
export { type ExternalDataReader, withoutExternalData } from './externalData.ts';
export * from './importGraph.ts';
export * from './model.ts';
export { windowOf } from './operators/convolution.ts';
export { inferTypes } from './operators/index.ts';
export { describeNode, type InferContext, type TensorType } from './operators/schema.ts';
export { type Precision, type ReducedModel, reducePrecision } from './precision/reduce.ts';
export { isImpure, randomOperators } from './randomness.ts';
export * from './replayGraph.ts';
export * from './shape.ts';
