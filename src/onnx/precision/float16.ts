/** @file Numbers to half precision (IEEE 754 binary16). */

/** Above this, rounding gives infinity: halfway between the largest number, 65504, and the next power. */
const overflow = 65520;

/**
 * The bits of each number's nearest half-precision one; of two equally near, the even one. Infinities and NaN stay such,
 * and what is too large becomes infinite.
 */
export function toFloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(values, (value, i) => {
    const sign = (bits[i] >>> 16) & 0x8000;
    const size = Math.abs(value);
    if (Number.isNaN(size)) return sign | 0x7e00;
    if (size >= overflow) return sign | 0x7c00;
    // Below 2⁻¹⁴ numbers are whole multiples of 2⁻²⁴.
    if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
    const exponent = ((bits[i] >>> 23) & 0xff) - 127;
    // 1024 to 2048; where it rounds up to 2048 the carry moves the exponent on by itself.
    const fraction = roundToEven(size * 2 ** (10 - exponent));
    return sign | (((exponent + 15) << 10) + (fraction - 1024));
  });
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
