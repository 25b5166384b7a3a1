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

/** Beyond this many full scales (+40 dB) sound is let through, but not without a word. */
const TOLD_SAMPLE = 100;

/** Replaces what is no sample by 0, and counts. */
export class SampleCleaner {
  private nonFinite = 0;
  private absurd = 0;
  private told = 0;
  private loudest = 0;

  /** Cleans a block in place. */
  clean(block: readonly Float32Array[]): void {
    for (const samples of block) {
      if (this.isOrdinary(samples)) continue;
      for (let n = 0; n < samples.length; n++) {
        const sample = samples[n];
        const size = Math.abs(sample);
        if (size <= TOLD_SAMPLE) continue;
        if (size <= LARGEST_SAMPLE) {
          this.told++;
          this.loudest = Math.max(this.loudest, size);
          continue;
        }
        if (Number.isFinite(sample)) this.absurd++;
        else this.nonFinite++;
        samples[n] = 0;
      }
    }
  }

  private isOrdinary(samples: Float32Array): boolean {
    for (let n = 0; n < samples.length; n++) {
      // False for NaN, too.
      if (!(Math.abs(samples[n]) <= TOLD_SAMPLE)) return false;
    }
    return true;
  }

  warnings(): string[] {
    const warnings: string[] = [];
    if (this.nonFinite > 0) {
      warnings.push(`${were(this.nonFinite)} NaN or infinite and ${replaced(this.nonFinite)}.`);
    }
    if (this.absurd > 0) {
      warnings.push(`${were(this.absurd)} beyond 2^32 times full scale and ${replaced(this.absurd)}.`);
    }
    if (this.told > 0) {
      warnings.push(
        `${were(this.told)} beyond ${TOLD_SAMPLE} times full scale (up to ${this.loudest.toPrecision(2)}): the file is damaged, or holds integers as floating-point numbers.`,
      );
    }
    return warnings;
  }
}

function were(count: number): string {
  return count === 1 ? '1 sample was' : `${count} samples were`;
}

function replaced(count: number): string {
  return `${count === 1 ? 'was' : 'were'} replaced by 0`;
}
