/** @file Assembles the log-mel kernel into src/features/logMelKernel.generated.ts: `npx tsx tools/wasm/fft.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';
import { fftWat } from './fftWat.ts';

/** The bytes of the kernel, freshly assembled. */
export async function assembleFft(): Promise<Uint8Array> {
  const module = (await wabt()).parseWat('fft.wat', fftWat(), { simd: true });
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return buffer;
}

/** The text of the generated source file for `bytes`. */
export function generatedSource(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  return `// Made by \`npx tsx tools/wasm/fft.ts\` from tools/wasm/fftWat.ts; do not edit.

/** The log-mel kernel: WebAssembly with 128-bit SIMD, ${bytes.length} bytes, base64. */
export const logMelKernelBase64 =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('../../src/features/logMelKernel.generated.ts', import.meta.url);
  writeFileSync(target, generatedSource(await assembleFft()));
}
