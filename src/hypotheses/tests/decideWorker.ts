/** @file Worker thread of {@link Deciders}. */
import { serveTasks } from '../../parallel/index.ts';
import { type DecideTask, decide } from './decide.ts';

serveTasks<DecideTask, Int32Array[]>(async (task) => ({ result: await decide(task) }));
