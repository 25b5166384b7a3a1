/** @file Decodes Keras weights in a thread that can be ended: the HDF5 library loops for ever over some damaged files. */
import { serveGuarded } from '../parallel/index.ts';
import { loadHdf5 } from './hdf5.ts';
import { decodeKerasWeights, type KerasWeights } from './kerasWeights.ts';

export interface KerasTask {
  /** Plain HDF5, not compressed. */
  readonly bytes: Uint8Array;
  readonly source: string;
  readonly maxBytes: number;
}

await loadHdf5();

serveGuarded<KerasTask, KerasWeights>(
  async ({ bytes, source, maxBytes }) => {
    const { layers, kerasVersion } = await decodeKerasWeights(bytes, { source, maxBytes });
    const transfer = new Set<ArrayBuffer>();
    const own = layers.map(({ name, weights }) => ({
      name,
      weights: new Map(
        [...weights].map(([weight, tensor]) => {
          // Handed over whole, so it must not be a part of something larger.
          const { data } = tensor;
          const alone = data.byteLength === data.buffer.byteLength ? data : data.slice();
          transfer.add(alone.buffer as ArrayBuffer);
          return [weight, { ...tensor, data: alone }] as const;
        }),
      ),
    }));
    return { result: { layers: own, kerasVersion } as KerasWeights, transfer: [...transfer] };
    // The library holds the file, and each data set once beside the copy that it hands out.
  },
  { wasmBytes: 2 ** 31 },
);
