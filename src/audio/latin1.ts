/** @file Letters in binary data: magics, chunk names, tags. */

/** Reads `length` bytes as Latin-1 text; shorter at the end of the data. */
export function latin1(bytes: Uint8Array, start: number, length: number): string {
  let text = '';
  const end = Math.min(bytes.length, start + length);
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
