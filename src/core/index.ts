/** @module earshot/core: errors, tensors, seeded random numbers and progress events. */
export * from './alongside.ts';
export * from './crc32.ts';
export * from './csv.ts';
export * from './errors.ts';
export * from './fileKind.ts';
export * from './fileProblem.ts';
export * from './lanes.ts';
export * from './plainError.ts';
export * from './printable.ts';
export * from './progress.ts';
export * from './random.ts';
export * from './records.ts';
export * from './systemErrors.ts';
export * from './tensor.ts';
export * from './weightsOrigin.ts';
