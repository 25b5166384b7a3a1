/** @file Assembles rows.wat into src/classifiers/rowKernel.generated.ts: `npx tsx tools/wasm/rows.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

/** The bytes of the kernel, freshly assembled. */
export async function assembleRows(): Promise<Uint8Array> {
  const text = readFileSync(new URL('./rows.wat', import.meta.url), 'utf8');
  const module = (await wabt()).parseWat('rows.wat', text, { simd: true });
  module.resolveNames();
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return buffer;
}

/** The text of the generated source file for `bytes`. */
export function generatedSource(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,100}/g);
  return `// Made by \`npx tsx tools/wasm/rows.ts\` from tools/wasm/rows.wat; do not edit.

/** Inner loops of the linear classifiers: WebAssembly with 128-bit SIMD, ${bytes.length} bytes, base64. */
export const rowKernelBase64 =
${(lines ?? []).map((line) => `  '${line}'`).join(' +\n')};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('../../src/classifiers/rowKernel.generated.ts', import.meta.url);
  writeFileSync(target, generatedSource(await assembleRows()));
}
