/** @file The commands that are tortured, with the smallest data that take them through all their stages. */
import { join } from 'node:path';

/** A command that can be stopped at any moment and run again until it is done. */
export interface TortureCommand {
  readonly name: string;
  /** Arguments of the first run. Paths are relative to the working folder. */
  readonly first: readonly string[];
  /** Arguments of every later run. */
  readonly again: readonly string[];
  /** What it leaves, compared with an undisturbed run's. */
  readonly output: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Folder of the data in every working folder; `cnn/model.onnx` beside it is a classifier trained on them. */
export const dataFolder = 'data';

const set = join(dataFolder, 'demo');
const artefact = join(dataFolder, 'cnn/model.onnx');

/** A command that goes on with `--resume`. */
function resumable(name: string, words: string): TortureCommand {
  const first = [...words.split(' '), '--out', 'out', '--cache', 'cache', '--quiet'];
  return { name, first, again: [...first, '--resume'], output: 'out' };
}

/** A command that goes on when it is given once more. */
function repeatable(name: string, words: string, output = 'out'): TortureCommand {
  const first = [...words.split(' '), '--quiet'];
  return { name, first, again: first, output };
}

/** @param server address of the folder that `models pull` fetches from */
export function tortureCommands(server: string): readonly TortureCommand[] {
  return [
    resumable('train', `train ${set} --approach cnn --epochs 3 --test-folds 4`),
    resumable('train-svm', `train ${set} --approach mfcc-svm --test-folds 4`),
    resumable(
      'compare',
      `compare ${set} --approaches mfcc-svm,cnn --epochs 2 --test-folds 4 --train-folds 1,2,3`,
    ),
    resumable('zero-shot', `zero-shot evaluate ${set} --network mfcc --splits 3 --permutations 20`),
    resumable('hypotheses', `hypotheses ${set} --quick`),
    repeatable('embed', `embed ${set}/audio --network ${artefact} -o out`),
    repeatable('embed-parquet', `embed ${set}/audio --network ${artefact} --format parquet -o out`),
    repeatable('index', `index ${set} --network ${artefact} -o out --cache cache`),
    {
      ...repeatable('pull', `models pull yamnet --mirror ${server}`, 'models'),
      environment: { EARSHOT_MODELS: 'models' },
    },
  ];
}
