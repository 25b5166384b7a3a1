/** @file Transforms and a classifier as one classifier. */
import { ShapeError } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import {
  type Classifier,
  type ClassifierState,
  isProbabilistic,
  type ProbabilisticClassifier,
  type ProbabilityNodes,
  type ScoreNodes,
} from './classifier.ts';
import { checkMatrix, type Matrix, type Matrix64 } from './matrix.ts';
import type { Transform } from './transform.ts';

export interface PipelineState extends ClassifierState {
  readonly transforms: readonly ClassifierState[];
  readonly classifier: ClassifierState;
}

class Pipeline<L extends Label, C extends Classifier<L>> implements Classifier<L> {
  constructor(
    protected readonly transforms: readonly Transform[],
    protected readonly classifier: C,
  ) {}

  get classes(): readonly L[] {
    return this.classifier.classes;
  }

  get columns(): number {
    return this.transforms[0]?.columns ?? this.classifier.columns;
  }

  get state(): PipelineState {
    return {
      kind: 'pipeline',
      transforms: this.transforms.map((transform) => transform.state),
      classifier: this.classifier.state,
    };
  }

  protected transformed(x: Matrix): Matrix {
    checkMatrix(x, 'data', this.columns);
    return this.transforms.reduce((data, transform) => transform.apply(data), x);
  }

  protected transformedNode(g: GraphBuilder, x: Value): Value {
    return this.transforms.reduce((value, transform) => transform.appendTo(g, value), x);
  }

  decisionFunction(x: Matrix): Matrix64 {
    return this.classifier.decisionFunction(this.transformed(x));
  }

  predict(x: Matrix): L[] {
    return this.classifier.predict(this.transformed(x));
  }

  appendTo(g: GraphBuilder, x: Value): ScoreNodes {
    return this.classifier.appendTo(g, this.transformedNode(g, x));
  }
}

class ProbabilisticPipeline<L extends Label>
  extends Pipeline<L, ProbabilisticClassifier<L>>
  implements ProbabilisticClassifier<L>
{
  predictProbabilities(x: Matrix): Matrix64 {
    return this.classifier.predictProbabilities(this.transformed(x));
  }

  override appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    return this.classifier.appendTo(g, this.transformedNode(g, x));
  }
}

/**
 * The classifier of what the transforms make of the data, one after the other; it gives probabilities if `classifier`
 * does.
 * @throws {ShapeError} when the columns of one do not fit the next
 * @example
 * const scaler = fitStandardScaler(x);
 * const model = pipeline([scaler], fitLinearSvm(scaler.apply(x), labels));
 */
export function pipeline<L extends Label>(
  transforms: readonly Transform[],
  classifier: ProbabilisticClassifier<L>,
): ProbabilisticClassifier<L>;
export function pipeline<L extends Label>(
  transforms: readonly Transform[],
  classifier: Classifier<L>,
): Classifier<L>;
export function pipeline<L extends Label>(
  transforms: readonly Transform[],
  classifier: Classifier<L>,
): Classifier<L> {
  const widths = [...transforms.map((t) => t.columns), classifier.columns];
  transforms.forEach((transform, i) => {
    if (transform.outputColumns !== widths[i + 1]) {
      throw new ShapeError(
        `Step ${i} of the pipeline gives ${transform.outputColumns} columns; the next takes ${widths[i + 1]}.`,
      );
    }
  });
  return isProbabilistic(classifier)
    ? new ProbabilisticPipeline(transforms, classifier)
    : new Pipeline(transforms, classifier);
}
