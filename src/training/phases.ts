/** @file The stretches of a run in which the same parameters are trained: first the head alone, where that is asked. */
import type { Network, ParameterSpec } from '../networks/network.ts';
import { inHead, type TrainingConfig, trainableParameters } from './config.ts';

export interface Phase {
  /** First epoch, from 0. */
  readonly from: number;
  readonly trainable: (spec: ParameterSpec) => boolean;
  readonly frozenStatistics: boolean;
  /** Nothing but the head changes: what comes before it gives the same for the same picture throughout. */
  readonly headAlone: boolean;
}

/**
 * The phases of a run, first to last. With `warmHeadEpochs` the head learns alone at first, on what the rest of the
 * network gives while it keeps its parameters and statistics: gradients of a head that knows nothing yet would spoil
 * what was learnt before (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features").
 * @param specs the network's parameters in order of first use
 */
export function trainingPhases(
  network: Network,
  config: Pick<TrainingConfig, 'trainable' | 'frozenStatistics' | 'warmHeadEpochs'>,
  specs: readonly ParameterSpec[],
): Phase[] {
  const { warmHeadEpochs = 0, frozenStatistics } = config;
  const trainable = trainableParameters(network, config.trainable, specs);
  const head = inHead(network);
  const headAlone =
    frozenStatistics && specs.every((spec) => spec.role === 'statistic' || !trainable(spec) || head(spec));
  const main = { trainable, frozenStatistics, headAlone };
  if (warmHeadEpochs === 0) return [{ from: 0, ...main }];
  return [
    { from: 0, trainable: head, frozenStatistics: true, headAlone: true },
    { from: warmHeadEpochs, ...main },
  ];
}

/** The phase that an epoch (from 0) belongs to. */
export function phaseAt(phases: readonly Phase[], epoch: number): Phase {
  return phases.findLast(({ from }) => epoch >= from) ?? phases[0];
}
