/** @file Learning nothing: classes become prompts, and the artefact compares sounds with them. */
import {
  ClapEar,
  clapAudioSide,
  clapWindowsPerRun,
  cosines,
  embedLabels,
  labelProbabilities,
  type PromptRunConfig,
  promptScore,
  zeroShotTraining,
} from '../approaches/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions } from './hooks.ts';
import type { Learner } from './learner.ts';

/** Embeds the classes' prompts. No clip of the training side is used. */
export const learnPrompts: Learner<PromptRunConfig> = async (run, _fingerprint, hooks, clock) => {
  const { prompts } = run.config;
  const clap = run.clap!;
  const engine = new Engine(engineOptions(hooks));
  try {
    const vectors = await embedLabels(clap, prompts.labels, engine);
    clock.lap('training');
    return {
      score: promptScore(clap, vectors, prompts),
      network: 'clap',
      weights: clap.weights.description,
      clipsPerRun: clapWindowsPerRun,
      trainedOn: zeroShotTraining,
      history: [],
      chosenEpoch: 0,
      stoppedEarly: false,
      parameterCount: clapAudioSide(clap).parameters + vectors.data.length,
      trainedParameterCount: 0,
      train: [],
      validation: [],
      short: 0,
      failures: [],
      notices: [
        {
          subject: 'zero-shot',
          message: `Never trained on this data: classes are recognised by prompts alone, and the ${run.split.train.length} clips of the training side were not used. What CLAP itself was trained on may hold some of the recordings.`,
        },
      ],
      async reference(clips) {
        const own = new Engine(engineOptions(hooks));
        try {
          const ear = await ClapEar.load(clap, prompts.frontEnd, own);
          const rows = await ear.embed(clips.flatMap(({ waveforms = [] }) => waveforms));
          return rows.map((row) => labelProbabilities(cosines(row, vectors), prompts.logitScale));
        } finally {
          await own.close();
        }
      },
    };
  } finally {
    await engine.close();
  }
};
