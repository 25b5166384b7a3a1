/** @file What all WebAssembly kernels share: text to bytes, and bytes to the source file that is committed. */
import wabt from 'wabt';

/** The bytes of a kernel, freshly assembled. @param name for messages; @param text in WebAssembly's text format */
export async function assemble(name: string, text: string): Promise<Uint8Array> {
  const module = (await wabt()).parseWat(name, text, { simd: true });
  module.resolveNames();
  module.validate();
  const { buffer } = module.toBinary({});
  module.destroy();
  return buffer;
}

export interface KernelSource {
  /** The program that makes the file, and what it makes it from; paths from the repository's root. */
  readonly program: string;
  readonly from: string;
  /** What the kernel is, as the beginning of a sentence. */
  readonly what: string;
  /** Name of the exported constant. */
  readonly constant: string;
}

/** The text of the generated source file for `bytes`. */
export function kernelSource(bytes: Uint8Array, { program, from, what, constant }: KernelSource): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  return `// Made by \`npx tsx ${program}\` from ${from}; do not edit.

/** ${what}: WebAssembly with 128-bit SIMD, ${bytes.length} bytes, base64. */
export const ${constant} =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}
