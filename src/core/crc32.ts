/** @file The checksum of zip, gzip and PNG. */

let table: Uint32Array | undefined;

/**
 * CRC-32 (ISO 3309, reflected polynomial 0xEDB88320), as an unsigned integer. Node has one of its own only since 20.15,
 * and browsers have none.
 * @param before the checksum of the bytes that come before; default none
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = before ^ 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
