/** @file A process for the tests of `runInProcess`: counts, and dies, throws or dawdles when told to. */
import { CancelledError, DatasetError } from '../../src/core/index.ts';
import { serveProcess } from '../../src/parallel/index.ts';

export type CountTask = { to: number; act?: 'throw' | 'type error' | 'die' | 'exit' | 'wait' };

serveProcess<CountTask, { pid: number; sum: number }, number>(async ({ to, act }, { signal, tell }) => {
  if (act === 'throw') throw new DatasetError('The set is empty.', { hint: 'Fill it.' });
  if (act === 'type error') throw new TypeError('x is not a function');
  if (act === 'die') process.kill(process.pid, 'SIGKILL');
  if (act === 'exit') {
    console.error('out of everything');
    process.exit(3);
  }
  if (act === 'wait') {
    tell(0);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    throw new CancelledError('Stopped; saved.');
  }
  let sum = 0;
  for (let i = 1; i <= to; i++) {
    sum += i;
    tell(i);
  }
  return { pid: process.pid, sum };
});
