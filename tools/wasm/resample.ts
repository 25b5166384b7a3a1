/** @file Assembles resample.wat into src/audio/resampleKernel.generated.ts: `npx tsx tools/wasm/resample.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assemble, kernelSource } from './assemble.ts';

/** The bytes of the kernel, freshly assembled. */
export function assembleResample(): Promise<Uint8Array> {
  return assemble('resample.wat', readFileSync(new URL('./resample.wat', import.meta.url), 'utf8'));
}

/** The text of the generated source file for `bytes`. */
export function generatedSource(bytes: Uint8Array): string {
  return kernelSource(bytes, {
    program: 'tools/wasm/resample.ts',
    from: 'tools/wasm/resample.wat',
    what: "The resampler's inner loop",
    constant: 'resampleKernelBase64',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('../../src/audio/resampleKernel.generated.ts', import.meta.url);
  writeFileSync(target, generatedSource(await assembleResample()));
}
