/** @file Writes safetensors bytes: the same tensors always give the same bytes. Runs in browsers. */
import { WeightsError } from '../core/errors.ts';
import { bytesOf, type DType, sizeOf, type Tensor } from '../core/tensor.ts';
import { PREAMBLE_BYTES, type SafetensorsDType, safetensorsDTypes } from './safetensorsHeader.ts';

const formatNames = new Map<DType, SafetensorsDType>();
const ranks = new Map<DType, number>();
Object.entries(safetensorsDTypes).forEach(([name, { dtype }], rank) => {
  if (name === 'BF16') return;
  formatNames.set(dtype, name as SafetensorsDType);
  ranks.set(dtype, rank);
});

/**
 * Encodes tensors as one safetensors file. Order: as the reference implementation's, by element type (wider
 * ones first, so that every tensor is aligned), then by name (code units); metadata sorted by key. The header is padded with spaces to a multiple of 8 bytes.
 * @throws {WeightsError} on a reserved name, data that do not fit their shape, or metadata that are no strings
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => ranks.get(x.dtype)! - ranks.get(y.dtype)! || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  for (const key of keys) {
    if (typeof metadata[key] !== 'string')
      throw new WeightsError(`Metadata entry '${key}' must be a string, got ${typeof metadata[key]}.`);
  }
  if (keys.length > 0) {
    header.push(['__metadata__', Object.fromEntries(keys.map((k) => [k, metadata[k]]))]);
  }
  let at = 0;
  const names = new Set<string>();
  for (const [name, t] of ordered) {
    if (name === '__metadata__')
      throw new WeightsError(`A tensor may not be named '__metadata__', a reserved word of safetensors.`);
    if (names.has(name)) throw new WeightsError(`Two tensors are named '${name}'.`);
    names.add(name);
    if (t.data.length !== sizeOf(t.dims)) {
      throw new WeightsError(
        `Tensor '${name}' of shape [${t.dims.join(', ')}] needs ${sizeOf(t.dims)} elements, got ${t.data.length}.`,
      );
    }
    const end = at + t.data.byteLength;
    header.push([name, { dtype: formatNames.get(t.dtype), shape: t.dims, data_offsets: [at, end] }]);
    at = end;
  }
  const json = new TextEncoder().encode(objectText(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREAMBLE_BYTES + padded + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, PREAMBLE_BYTES);
  bytes.fill(0x20, PREAMBLE_BYTES + json.length, PREAMBLE_BYTES + padded);
  let offset = PREAMBLE_BYTES + padded;
  for (const [, t] of ordered) {
    bytes.set(bytesOf(t), offset);
    offset += t.data.byteLength;
  }
  return bytes;
}

/** JSON in the order given: an object would move integer-like names such as '0' to the front. */
function objectText(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`;
}
