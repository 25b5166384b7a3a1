/** @module earshot/autodiff: gradients, losses and optimiser updates as ONNX nodes. Runs anywhere. */
export * from './checkGradients.ts';
export * from './clipping.ts';
export * from './gradients.ts';
export * from './losses.ts';
export { alignChannels } from './lowering/alignChannels.ts';
export { packTensor, unpackTensor } from './lowering/kernels.ts';
export { type LoweringOptions, lower, packedKernels } from './lowering/lower.ts';
export * from './optimizers/adam.ts';
export * from './optimizers/optimizer.ts';
export * from './optimizers/sgd.ts';
export { nonDifferentiable, vjpRules } from './rules/index.ts';
export type { VjpContext, VjpRule, VjpTable } from './vjp.ts';
