/**
 * @file The header of a safetensors file: read with every check of the format's reference implementation, before
 * a byte of tensor data is touched. Format: 8 bytes little-endian header length, JSON, data
 * (https://huggingface.co/docs/safetensors). Runs in browsers.
 */
import { WeightsError } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';

/** Longest header that is believed; the reference implementation's limit too. */
const MAX_HEADER_BYTES = 100_000_000;

/** First bytes of a zip archive (`PK`, 3, 4), as PyTorch 1.6 and later save. */
const ZIP_MAGIC = 0x04034b50;
/** First byte of a pickle, as older PyTorch saved. */
const PICKLE_MAGIC = 0x80;

/** Bytes before the JSON. */
export const PREAMBLE_BYTES = 8;

/**
 * Element types of the format that Earshot reads, in the order in which the reference implementation writes them
 * (wider ones first, so that every tensor is aligned). `BF16` has no dtype of its own: it is widened to float32.
 */
export const safetensorsDTypes = {
  U64: { dtype: 'uint64', bytes: 8 },
  I64: { dtype: 'int64', bytes: 8 },
  F64: { dtype: 'float64', bytes: 8 },
  F32: { dtype: 'float32', bytes: 4 },
  U32: { dtype: 'uint32', bytes: 4 },
  I32: { dtype: 'int32', bytes: 4 },
  BF16: { dtype: 'float32', bytes: 2 },
  F16: { dtype: 'float16', bytes: 2 },
  U16: { dtype: 'uint16', bytes: 2 },
  I16: { dtype: 'int16', bytes: 2 },
  I8: { dtype: 'int8', bytes: 1 },
  U8: { dtype: 'uint8', bytes: 1 },
  BOOL: { dtype: 'bool', bytes: 1 },
} as const satisfies Record<string, { dtype: DType; bytes: number }>;

export type SafetensorsDType = keyof typeof safetensorsDTypes;

/** One tensor's place in the file; offsets count from the end of the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The length of the JSON header, from the first 8 bytes.
 * @param fileBytes size of the whole file
 * @throws {WeightsError} when the file is too short to hold what it claims
 */
export function headerLength(preamble: Uint8Array, fileBytes: number, source: string): number {
  if (fileBytes < PREAMBLE_BYTES + 2 || preamble.length < PREAMBLE_BYTES) {
    throw new WeightsError(`${source} has ${fileBytes} bytes, too few for a safetensors file.`, {
      hint: 'Was the download cut off?',
    });
  }
  const view = new DataView(preamble.buffer, preamble.byteOffset, PREAMBLE_BYTES);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > fileBytes - PREAMBLE_BYTES || length < 2) {
    if (/\.npz$/i.test(source)) {
      throw new WeightsError(`${source} is a NumPy archive (.npz), not a safetensors file.`, {
        hint: 'Convert it in Python with safetensors.numpy.save_file(dict(numpy.load(path)), …).',
      });
    }
    if (view.getUint32(0, true) === ZIP_MAGIC || preamble[0] === PICKLE_MAGIC) {
      throw new WeightsError(`${source} is a PyTorch (.pth, .pt, .bin) file, not a safetensors file.`, {
        hint: "Convert it in Python with safetensors.torch.save_file(torch.load(path, map_location='cpu'), …).",
      });
    }
    throw new WeightsError(
      `${source} is no whole safetensors file: it claims a header of ${length} bytes, the file has ${fileBytes}.`,
      { hint: 'Is it another kind of file, or was its download cut off?' },
    );
  }
  return length;
}

/**
 * Parses and checks the JSON header.
 * @param json the header's bytes
 * @param dataBytes number of bytes after the header
 * @param source how errors name the file
 * @throws {WeightsError} on text that is no such header, a name given twice, an unknown element type, byte counts
 *   that do not fit a shape, and offsets that overlap, leave a gap or point outside the file
 */
export function parseSafetensorsHeader(
  json: Uint8Array,
  dataBytes: number,
  source: string,
): SafetensorsHeader {
  const fail = (what: string): never => {
    throw new WeightsError(`${source} is a damaged safetensors file: ${what}.`);
  };
  const parsed = parseJson(json, fail);
  const entries: SafetensorsEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') metadata = checkMetadata(value, fail);
    else entries.push(checkEntry(name, value, source, fail));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const e of entries) {
    if (e.end > dataBytes) {
      fail(`tensor '${e.name}' ends at byte ${e.end} of the data, of which there are ${dataBytes}`);
    }
    if (e.begin < at) fail(`tensor '${e.name}' overlaps the one before it`);
    if (e.begin > at) fail(`bytes ${at} to ${e.begin} of the data belong to no tensor`);
    at = e.end;
  }
  if (at !== dataBytes) fail(`the tensors take ${at} bytes, but ${dataBytes} follow the header`);
  return { entries, metadata };
}

type Fail = (what: string) => never;

function parseJson(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let value: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    fail('its header is no valid JSON text');
  }
  if (!text.startsWith('{') || !isRecord(value)) return fail('its header is no JSON object');
  const twice = repeatedKey(text);
  if (twice !== undefined) fail(`its header names '${twice}' twice`);
  return value;
}

/**
 * The first key that occurs twice in one object of a valid JSON text. `JSON.parse` keeps the last silently, so a
 * damaged or crafted header could hide a tensor.
 */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(null);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys && isFollowedByColon(text, end + 1)) {
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end;
    }
  }
  return undefined;
}

/** Where the string that opens at `start` closes. (A regular expression overflows its stack on long strings.) */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

function isFollowedByColon(text: string, at: number): boolean {
  while (' \t\r\n'.includes(text.charAt(at)) && at < text.length) at++;
  return text[at] === ':';
}

function checkMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(value)) return fail('__metadata__ is no object');
  for (const [key, v] of Object.entries(value)) {
    if (typeof v !== 'string') fail(`__metadata__ entry '${key}' is no string`);
  }
  return value as Record<string, string>;
}

function checkEntry(name: string, value: unknown, source: string, fail: Fail): SafetensorsEntry {
  if (!isRecord(value)) return fail(`the entry of tensor '${name}' is no object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return fail(`tensor '${name}' states no element type`);
  if (!Object.hasOwn(safetensorsDTypes, dtype)) {
    throw new WeightsError(`${source}: tensor '${name}' has element type ${dtype}, which is not supported.`, {
      hint: `Supported are ${Object.keys(safetensorsDTypes).join(', ')}.`,
    });
  }
  if (!isCounts(shape)) return fail(`tensor '${name}' has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2) return fail(`tensor '${name}' has no valid data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) fail(`tensor '${name}' ends (${end}) before it begins (${begin})`);
  const { bytes } = safetensorsDTypes[dtype as SafetensorsDType];
  // In doubles a product past 2^53 stays larger than any file, so it cannot fit by accident.
  const needed = shape.includes(0) ? 0 : shape.reduce((n, d) => n * d, bytes);
  if (needed !== end - begin) {
    fail(
      `tensor '${name}' of shape [${shape.join(', ')}] needs ${needed} bytes as ${dtype}, not ${end - begin}`,
    );
  }
  return { name, dtype: dtype as SafetensorsDType, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && (v as number) >= 0);
}
