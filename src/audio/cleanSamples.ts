/**
 * @file The one place behind all decoders where samples that no recording holds are replaced, so that a single one
 * cannot turn a clip's features, or a whole training, into NaN.
 */

/**
 * The largest sample let through, in full scales (+193 dB). Floating-point files may exceed full scale, and some hold
 * 32-bit integers as they are, up to 2^31; beyond that there is no sound. Squares and their sums over hours stay far
 * within float32.
 */
export const LARGEST_SAMPLE = 2 ** 32;

/** Replaces what is no sample by 0, and counts. */
export class SampleCleaner {
  private nonFinite = 0;
  private absurd = 0;

  /** Cleans a block in place. */
  clean(block: readonly Float32Array[]): void {
    for (const samples of block) {
      if (this.isClean(samples)) continue;
      for (let n = 0; n < samples.length; n++) {
        const sample = samples[n];
        if (Math.abs(sample) <= LARGEST_SAMPLE) continue;
        if (Number.isFinite(sample)) this.absurd++;
        else this.nonFinite++;
        samples[n] = 0;
      }
    }
  }

  private isClean(samples: Float32Array): boolean {
    for (let n = 0; n < samples.length; n++) {
      // False for NaN, too.
      if (!(Math.abs(samples[n]) <= LARGEST_SAMPLE)) return false;
    }
    return true;
  }

  warnings(): string[] {
    const warnings: string[] = [];
    if (this.nonFinite > 0) {
      warnings.push(`${this.nonFinite} samples were NaN or infinite and were replaced by 0.`);
    }
    if (this.absurd > 0) {
      warnings.push(`${this.absurd} samples were beyond 2^32 times full scale and were replaced by 0.`);
    }
    return warnings;
  }
}
