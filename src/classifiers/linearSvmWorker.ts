/** @file The worker of {@link fitLinearSvmOnThreads}: a task is the number of a hyperplane. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../parallel/index.ts';
import { type Hyperplane, hyperplaneSolver, type LinearSvmProblem } from './linearSvm.ts';

const solve = hyperplaneSolver(workerData as LinearSvmProblem);

serveTasks<number, Hyperplane>(async (target) => ({ result: solve(target) }));
