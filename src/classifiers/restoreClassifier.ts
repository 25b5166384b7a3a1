/** @file Fitted classifiers and transforms from their plain data: after a worker thread, or out of a cache. */
import { ParameterError } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import { CalibratedClassifier, type CalibratedState } from './calibration.ts';
import type { Classifier, ClassifierState } from './classifier.ts';
import type { LinearState } from './linearModel.ts';
import { LinearSvm } from './linearSvm.ts';
import { LogisticRegression } from './logisticRegression.ts';
import { NearestNeighbours, type NearestNeighboursState } from './nearestNeighbours.ts';
import { Pca, type PcaState } from './pca.ts';
import { type PipelineState, pipeline } from './pipeline.ts';
import { RandomForest, type RandomForestState } from './randomForest.ts';
import { RbfSvm, type RbfSvmState } from './rbfSvm.ts';
import { StandardScaler, type StandardScalerState } from './standardScaler.ts';
import { TemperedClassifier, type TemperedState } from './tempered.ts';
import type { Transform } from './transform.ts';

/**
 * The classifier whose `state` this is.
 * @throws {ParameterError} for a kind that is not a classifier's
 */
export function restoreClassifier<L extends Label = Label>(state: ClassifierState): Classifier<L> {
  switch (state.kind) {
    case 'linear-svm':
      return new LinearSvm(state as LinearState<L>);
    case 'logistic-regression':
      return new LogisticRegression(state as LinearState<L>);
    case 'rbf-svm':
      return new RbfSvm(state as RbfSvmState<L>);
    case 'nearest-neighbours':
      return new NearestNeighbours(state as NearestNeighboursState<L>);
    case 'random-forest':
      return new RandomForest(state as RandomForestState<L>);
    case 'calibrated': {
      const { classifier, calibrators } = state as CalibratedState;
      return new CalibratedClassifier(restoreClassifier<L>(classifier), calibrators);
    }
    case 'tempered': {
      const { classifier, temperature } = state as TemperedState;
      return new TemperedClassifier(restoreClassifier<L>(classifier), temperature);
    }
    case 'pipeline': {
      const { transforms, classifier } = state as PipelineState;
      return pipeline(transforms.map(restoreTransform), restoreClassifier<L>(classifier));
    }
    default:
      throw new ParameterError(`There is no classifier of kind '${state.kind}'.`);
  }
}

/**
 * The transform whose `state` this is.
 * @throws {ParameterError} for a kind that is not a transform's
 */
export function restoreTransform(state: ClassifierState): Transform {
  if (state.kind === 'standard-scaler') return new StandardScaler(state as StandardScalerState);
  if (state.kind === 'pca') return new Pca(state as PcaState);
  throw new ParameterError(`There is no transform of kind '${state.kind}'.`);
}
