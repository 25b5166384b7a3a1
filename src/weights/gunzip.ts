/** @file Gzip data to plain bytes, never more of them than was agreed. Runs in browsers. */
import { WeightsError } from '../core/errors.ts';

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses a gzip file. It stops as soon as more than `maxBytes` come out, so that a small file made to grow
 * without end takes no more memory than that.
 * @param source how errors name the bytes, such as a path
 * @throws {WeightsError} when the data are cut off or damaged (the checksum in the file is compared), or too large
 */
export async function gunzip(bytes: Uint8Array, maxBytes: number, source: string): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const chunk = next.value as Uint8Array;
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new WeightsError(`${source} is a damaged or incomplete gzip file: ${(cause as Error).message}.`, {
      hint: 'Was the download cut off? Fetch it again.',
      cause,
    });
  }
  if (size > maxBytes) {
    await reader.cancel();
    throw new WeightsError(
      `${source} grows to more than ${maxBytes} bytes when it is decompressed; no more is accepted.`,
      { hint: 'If it is what it should be, decompress it yourself or raise the option maxBytes.' },
    );
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
