/** @module earshot/classifiers: matrices in, labels out; fitted models as ONNX nodes; fits on worker threads (Node). */
export * from './browser.ts';
export { fitLinearSvmOnThreads, type ThreadOptions } from './linearSvmThreads.ts';
