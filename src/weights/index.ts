/**
 * @module earshot/weights: safetensors files and Keras's HDF5. What reads and writes by path needs Node, the rest runs
 * anywhere.
 */

export { type Checkpoint, checkpointHash, readCheckpoint, readCheckpointShapes } from './checkpoint.ts';
export {
  type DecodeSafetensorsOptions,
  decodeSafetensors,
  type Safetensors,
} from './decodeSafetensors.ts';
export * from './encodeSafetensors.ts';
export { type ReadKerasOptions, readKerasWeights } from './kerasFile.ts';
export {
  type DecodeKerasOptions,
  decodeKerasWeights,
  type KerasLayer,
  type KerasWeights,
} from './kerasWeights.ts';
export * from './safetensorsFile.ts';
export { type SafetensorsDType, type SafetensorsEntry, safetensorsDTypes } from './safetensorsHeader.ts';
export { toFloat32 } from './toFloat32.ts';
