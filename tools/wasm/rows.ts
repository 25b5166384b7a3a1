/** @file Assembles rows.wat into src/classifiers/rowKernel.generated.ts: `npx tsx tools/wasm/rows.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assemble, kernelSource } from './assemble.ts';

/** The bytes of the kernel, freshly assembled. */
export function assembleRows(): Promise<Uint8Array> {
  return assemble('rows.wat', readFileSync(new URL('./rows.wat', import.meta.url), 'utf8'));
}

/** The text of the generated source file for `bytes`. */
export function generatedSource(bytes: Uint8Array): string {
  return kernelSource(bytes, {
    program: 'tools/wasm/rows.ts',
    from: 'tools/wasm/rows.wat',
    what: 'Inner loops of the linear classifiers',
    constant: 'rowKernelBase64',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('../../src/classifiers/rowKernel.generated.ts', import.meta.url);
  writeFileSync(target, generatedSource(await assembleRows()));
}
