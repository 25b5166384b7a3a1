/** @file The resampler's inner loop: WebAssembly SIMD where there is any, else TypeScript with equal results. */
import type { ResampleFilter } from './resampleFilter.ts';
import { resampleKernelBase64 } from './resampleKernel.generated.ts';

/** A filter with room for one block of input and output. */
export interface ResampleKernel {
  input: Float32Array;
  output: Float32Array;
  /**
   * Fills `output[0…count)`. The first tap of output 0 falls on `input[0]` and its fraction is
   * `phase` / filter.phases.
   */
  run(count: number, phase: number): void;
}

type EveryPhase = (
  table: number,
  rowBytes: number,
  input: number,
  output: number,
  count: number,
  phase: number,
  phases: number,
  whole: number,
  part: number,
) => void;
type BetweenRows = (...parameters: [...Parameters<EveryPhase>, rowsPerPhase: number]) => void;

/** What is used of the WebAssembly API, which the compiler's types for Node alone do not declare. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: object,
  ) => { exports: { everyPhase: EveryPhase; betweenRows: BetweenRows } };
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer };
}

const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

let compiled: object | null | undefined;

/** The compiled module; null where WebAssembly or its SIMD instructions are missing. */
function kernelModule(): object | null {
  if (compiled === undefined) {
    try {
      const bytes = Uint8Array.from(atob(resampleKernelBase64), (letter) => letter.charCodeAt(0));
      compiled = new webAssembly.Module(bytes);
    } catch {
      compiled = null;
    }
  }
  return compiled;
}

/** A kernel in WebAssembly, or null if this platform has no SIMD there. */
export function createWasmKernel(
  filter: ResampleFilter,
  inputLength: number,
  outputLength: number,
): ResampleKernel | null {
  const module = kernelModule();
  if (module === null) return null;
  const { table, taps, rows, exact, phases, stride } = filter;
  const inputAt = 4 * table.length;
  const outputAt = inputAt + 16 * Math.ceil(inputLength / 4);
  const memory = new webAssembly.Memory({ initial: Math.ceil((outputAt + 4 * outputLength) / 65536) });
  new Float32Array(memory.buffer).set(table);
  const { exports } = new webAssembly.Instance(module, { env: { memory } });
  const { everyPhase, betweenRows } = exports;
  const whole = Math.floor(stride / phases);
  const part = stride % phases;
  return {
    input: new Float32Array(memory.buffer, inputAt, inputLength),
    output: new Float32Array(memory.buffer, outputAt, outputLength),
    run(count, phase) {
      if (count === 0) return;
      if (exact) everyPhase(0, 4 * taps, inputAt, outputAt, count, phase, phases, whole, part);
      else betweenRows(0, 4 * taps, inputAt, outputAt, count, phase, phases, whole, part, rows / phases);
    },
  };
}

/** The same in TypeScript: every product and sum is rounded to float32 in the order of the vector lanes. */
export function createPlainKernel(
  filter: ResampleFilter,
  inputLength: number,
  outputLength: number,
): ResampleKernel {
  const { table, taps, rows, exact, phases, stride } = filter;
  const input = new Float32Array(inputLength);
  const output = new Float32Array(outputLength);
  const sums = new Float32Array(16);
  const dot = (row: number, at: number) => {
    sums.fill(0);
    const start = row * taps;
    for (let k = 0; k < taps; k += 16) {
      for (let lane = 0; lane < 16; lane++) {
        sums[lane] += Math.fround(table[start + k + lane] * input[at + k + lane]);
      }
    }
    const lanes = [0, 1, 2, 3].map((i) =>
      Math.fround(Math.fround(sums[i] + sums[i + 4]) + Math.fround(sums[i + 8] + sums[i + 12])),
    );
    return Math.fround(Math.fround(lanes[0] + lanes[1]) + Math.fround(lanes[2] + lanes[3]));
  };
  const whole = Math.floor(stride / phases);
  const part = stride % phases;
  return {
    input,
    output,
    run(count, phase) {
      let at = 0;
      for (let n = 0; n < count; n++) {
        if (exact) {
          output[n] = dot(phase, at);
        } else {
          const position = phase * (rows / phases);
          const row = Math.floor(position);
          const low = dot(row, at);
          output[n] = low + Math.fround(Math.fround(position - row) * Math.fround(dot(row + 1, at) - low));
        }
        at += whole;
        phase += part;
        if (phase >= phases) {
          phase -= phases;
          at++;
        }
      }
    },
  };
}
