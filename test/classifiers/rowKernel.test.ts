import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRowKernel } from '../../src/classifiers/rowKernel.ts';
import { Random } from '../../src/core/index.ts';
import { assembleRows, generatedSource } from '../../tools/wasm/rows.ts';

describe('the row kernel', () => {
  it('is what tools/wasm/rows.ts assembles', async () => {
    const file = new URL('../../src/classifiers/rowKernel.generated.ts', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(generatedSource(await assembleRows()));
  });

  it.each([
    [1, 1, undefined],
    [3, 8, undefined],
    [5, 8, 0.5],
    [4, 13, 1],
    [6, 100, -2],
  ] as const)(
    'gives equal bits in WebAssembly and TypeScript: %i × %i, constant %s',
    (rows, columns, constant) => {
      const random = new Random(rows);
      const values = Array.from({ length: rows * columns }, () => random.normal());
      for (const data of [Float32Array.from(values), Float64Array.from(values)]) {
        const x = { data, rows, columns };
        const [fast, plain] = [true, false].map((wasm) => createRowKernel(x, { vectors: 2, constant, wasm }));
        const vector = Array.from({ length: fast!.width }, () => random.normal());
        for (const kernel of [fast!, plain!]) kernel.vectors[1].set(vector);
        for (let i = 0; i < rows; i++) {
          const dot = fast!.dot(i, 1);
          expect(dot).toBe(plain!.dot(i, 1));
          let sum = constant === undefined ? 0 : constant * vector[columns];
          for (let j = 0; j < columns; j++) sum += data[i * columns + j] * vector[j];
          expect(dot).toBeCloseTo(sum, 12);
          for (const kernel of [fast!, plain!]) kernel.add(i, 1, 0.3);
          expect(fast!.vectors[1]).toEqual(plain!.vectors[1]);
          vector.forEach((_, j) => {
            vector[j] += 0.3 * (j < columns ? data[i * columns + j] : constant!);
          });
          fast!.load(i, 0);
          expect([...fast!.vectors[0].subarray(0, columns)]).toEqual([
            ...data.subarray(i * columns, (i + 1) * columns),
          ]);
        }
        expect(
          fast!.vectors[1].subarray(0, fast!.width).every((v, j) => Math.abs(v - vector[j]) < 1e-12),
        ).toBe(true);
      }
    },
  );
});
