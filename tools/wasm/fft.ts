/** @file Assembles the log-mel kernel into src/features/logMelKernel.generated.ts: `npx tsx tools/wasm/fft.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assemble, kernelSource } from './assemble.ts';
import { fftWat } from './fftWat.ts';

/** The bytes of the kernel, freshly assembled. */
export function assembleFft(): Promise<Uint8Array> {
  return assemble('fft.wat', fftWat());
}

/** The text of the generated source file for `bytes`. */
export function generatedSource(bytes: Uint8Array): string {
  return kernelSource(bytes, {
    program: 'tools/wasm/fft.ts',
    from: 'tools/wasm/fftWat.ts',
    what: 'The log-mel kernel',
    constant: 'logMelKernelBase64',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('../../src/features/logMelKernel.generated.ts', import.meta.url);
  writeFileSync(target, generatedSource(await assembleFft()));
}
