/** @file Optimisers as graph nodes: the update of every parameter is part of the training step's graph. */
import type { Tensor } from '../../core/tensor.ts';
import type { GraphBuilder, Value } from '../../onnx/index.ts';

/** A tensor the optimiser carries from step to step for one parameter, starting from zeros. */
export interface OptimizerSlot {
  readonly name: string;
}

export interface Updated {
  readonly parameter: Value;
  /** New value of each slot, in the order of `slots`. */
  readonly slots: readonly Value[];
}

export interface ParameterUpdate {
  readonly parameter: Value;
  readonly gradient: Value;
  readonly slots: readonly Value[];
  /** True for weights; norms and biases are not decayed. */
  readonly decay: boolean;
}

/** Numbers that change from step to step enter the graph as scalar inputs of these names. */
export type StepScalars = Readonly<Record<string, number>>;

export interface Optimizer {
  readonly name: string;
  /** Names of the tensors kept per parameter. */
  readonly slots: readonly string[];
  /** Names of the scalar inputs that `scalars` supplies. */
  readonly inputs: readonly string[];
  /** Values of the scalar inputs. @param step counts from 1 */
  scalars(learningRate: number, step: number): StepScalars;
  /** Appends one parameter's update. @param inputs the scalar inputs, by name */
  update(g: GraphBuilder, p: ParameterUpdate, inputs: Readonly<Record<string, Value>>): Updated;
}

/** Optimiser state as stored in checkpoints: `SLOT/PARAMETER` → tensor. */
export type OptimizerState = ReadonlyMap<string, Tensor>;
