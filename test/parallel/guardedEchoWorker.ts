/** @file A worker for the tests of GuardedWorker: doubles numbers, or loops, or fills the memory, when told to. */
import { ParameterError } from '../../src/core/index.ts';
import { serveGuarded } from '../../src/parallel/index.ts';

export type GuardedEchoTask = { value: number; act?: 'throw' | 'loop' | 'fill' | 'grow' };

const { Memory: memory } = (
  globalThis as unknown as { WebAssembly: { Memory: new (o: object) => { grow(n: number): void } } }
).WebAssembly;

serveGuarded<GuardedEchoTask, number>(
  async ({ value, act }) => {
    if (act === 'throw') throw new ParameterError(`${value} was refused`);
    if (act === 'loop') for (;;) value++;
    const kept: number[][] = [];
    if (act === 'fill') for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => i + kept.length + 0.5));
    // One page, then more than the limit.
    if (act === 'grow') new memory({ initial: 1 }).grow(16);
    return { result: 2 * value };
  },
  { wasmBytes: 2 ** 20 },
);
