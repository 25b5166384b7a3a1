/** @module earshot/runtime: runs ONNX graphs on ONNX Runtime, off the main thread. Node only. */
export { type Device, type DeviceChoice, deviceChoices } from './device.ts';
export * from './engine.ts';
export type { RunRequest } from './protocol.ts';
export * from './readModel.ts';
