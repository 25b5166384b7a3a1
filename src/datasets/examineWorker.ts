/** @file Worker thread that examines sound files for inspectDataset. */
import { serveTasks } from '../parallel/index.ts';
import { type Examination, type ExamineTask, examineClip } from './examineClip.ts';

serveTasks<ExamineTask, Examination>(async (task) => ({ result: await examineClip(task) }));
