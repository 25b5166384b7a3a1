/** @file Keras weights with hashed values, as tools/fixtures/openl3.py makes them: in memory and as HDF5 bytes. */
import { readFileSync } from 'node:fs';
import { float32, sizeOf, type Tensor } from '../../src/core/index.ts';
import type { KerasWeights } from '../../src/weights/index.ts';
import { hashed } from './hashedTensors.ts';

/** Layers in order, those without weights too: names and shapes of their weights. */
export type LayerTable = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

const folder = new URL('../fixtures/openl3/', import.meta.url);

/** The layers of the networks, as the fixture script has them. */
export const layerTables = JSON.parse(readFileSync(new URL('about.json', folder), 'utf8')) as Readonly<
  Record<'openl3' | 'edgel3' | 'yamnet', LayerTable>
>;

/** What PyTorch computed in float64: two rows. */
export function expectedRows(name: string): number[] {
  const bytes = readFileSync(new URL(`${name}.f32`, folder));
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

/** Hashed decibels [2, 1, bands, frames] between −80 and 0. */
export function hashedPicture(name: string, bands: number, frames: number, scale = 1): Tensor<'float32'> {
  const { dims, data } = hashed(name, [2, 1, bands, frames]);
  return float32(
    dims,
    data.map((v) => (40 * (v - 1)) / scale),
  );
}

/** One of Keras's weights in Keras's layout. */
export function kerasWeight(layer: string, kind: string, shape: readonly number[]): Tensor<'float32'> {
  const u = hashed(`${layer}/${kind}`, shape);
  const fanIn = kind === 'depthwise_kernel' ? sizeOf(shape.slice(0, 2)) : sizeOf(shape.slice(0, -1));
  if (kind.endsWith('kernel'))
    return float32(
      shape,
      u.data.map((v) => v * Math.sqrt(6 / fanIn)),
    );
  const offset = kind === 'gamma' || kind === 'moving_variance' ? 1 : 0;
  return float32(
    shape,
    u.data.map((v) => offset + 0.25 * v),
  );
}

/** What a reader gets from a file of these layers. */
export function kerasWeights(table: LayerTable, rename = (name: string) => name): KerasWeights {
  const layers = Object.entries(table)
    .filter(([, weights]) => Object.keys(weights).length > 0)
    .map(([layer, weights]) => ({
      name: rename(layer),
      weights: new Map(
        Object.entries(weights).map(([kind, shape]) => [kind, kerasWeight(layer, kind, shape)]),
      ),
    }));
  return { layers, kerasVersion: '2.2.4-tf' };
}

/** The bytes of an HDF5 file as `save_weights` writes it. */
export async function kerasFile(table: LayerTable, rename = (name: string) => name): Promise<Uint8Array> {
  const { File, ready } = await import('h5wasm');
  const { FS } = await ready;
  const file = new File('/written.h5', 'w');
  file.create_attribute('layer_names', Object.keys(table).map(rename));
  file.create_attribute('keras_version', '2.2.4-tf');
  for (const [layer, weights] of Object.entries(table)) {
    const group = file.create_group(rename(layer));
    const kinds = Object.keys(weights);
    if (kinds.length === 0) group.create_attribute('weight_names', new Float64Array(0), [0]);
    else
      group.create_attribute(
        'weight_names',
        kinds.map((kind) => `${rename(layer)}/${kind}:0`),
      );
    // Keras repeats the layer's name inside its group.
    const inner = kinds.length === 0 ? null : group.create_group(rename(layer));
    for (const [kind, shape] of Object.entries(weights)) {
      const { data } = kerasWeight(layer, kind, shape);
      inner!.create_dataset({ name: `${kind}:0`, data, shape: [...shape] });
    }
  }
  file.close();
  const bytes = FS.readFile('/written.h5') as Uint8Array;
  FS.unlink('/written.h5');
  return bytes;
}
