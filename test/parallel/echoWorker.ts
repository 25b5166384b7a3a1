/** @file A worker for the pool's tests: doubles numbers, and dies, throws or dawdles when told to. */
import { serveTasks } from '../../src/parallel/index.ts';

export type EchoTask = { value: number; act?: 'throw' | 'exit' | 'slow' };

serveTasks<EchoTask, { doubled: Float32Array }>(async ({ value, act }) => {
  if (act === 'throw') throw new RangeError(`${value} was refused`);
  if (act === 'exit') process.exit(3);
  if (act === 'slow') await new Promise((resolve) => setTimeout(resolve, 60_000));
  const doubled = Float32Array.of(2 * value);
  return { result: { doubled }, transfer: [doubled.buffer as ArrayBuffer] };
});
