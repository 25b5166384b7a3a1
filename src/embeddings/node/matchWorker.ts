/** @file Worker thread of findNearDuplicates. */
import { serveTasks } from '../../parallel/index.ts';
import type { WaveformMatch } from '../waveformMatch.ts';
import { type MatchTask, matchSounds } from './matchTask.ts';

serveTasks<MatchTask, WaveformMatch>(async (task) => ({ result: await matchSounds(task) }));
