/** @file Models exported by PyTorch with PyTorch's gradients (tools/fixtures/onnxModels.py). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Tensor } from '../../src/core/index.ts';
import { decodeSafetensors } from '../../src/weights/index.ts';

export const fixtures = fileURLToPath(new URL('../fixtures/onnx/', import.meta.url));

export interface ExportedModel {
  readonly name: string;
  /** The file's bytes. */
  readonly bytes: Uint8Array;
  readonly bind: Record<string, number>;
  readonly feeds: Record<string, Tensor>;
  readonly loss: number;
  /** PyTorch's gradients, by name. */
  readonly gradients: Record<string, Tensor>;
}

/** Names of the models in a folder. */
export function exportedNames(folder = fixtures): string[] {
  return readdirSync(folder)
    .filter((file) => /\.onnx(\.gz)?$/.test(file))
    .map((file) => file.replace(/\.onnx(\.gz)?$/, ''))
    .sort();
}

export function exportedModel(name: string, folder = fixtures): ExportedModel {
  const packed = join(folder, `${name}.onnx.gz`);
  const read = existsSync(packed)
    ? gunzipSync(readFileSync(packed))
    : readFileSync(join(folder, `${name}.onnx`));
  // No Buffer, whose slices are views: tests damage copies.
  const bytes = new Uint8Array(read);
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(folder, `${name}.safetensors`)));
  const under = (prefix: string) =>
    Object.fromEntries(
      [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), tensor]] : [],
      ),
    );
  return {
    name,
    bytes,
    bind: JSON.parse(metadata['bind']) as Record<string, number>,
    feeds: under('feed/'),
    loss: Number(tensors.get('loss')!.data[0]),
    gradients: under('grad/'),
  };
}

/** Largest difference as a share of the largest expected value. */
export function relativeError(found: Tensor, expected: Tensor): number {
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.data.length; i++) {
    difference = Math.max(difference, Math.abs(Number(found.data[i]) - Number(expected.data[i])));
    scale = Math.max(scale, Math.abs(Number(expected.data[i])));
  }
  return found.data.length === expected.data.length
    ? difference / Math.max(scale, 1e-12)
    : Number.POSITIVE_INFINITY;
}
