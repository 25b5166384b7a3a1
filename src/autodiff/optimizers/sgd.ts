/** @file Stochastic gradient descent with momentum, as PyTorch's `torch.optim.SGD` (dampening 0). */
import { ParameterError } from '../../core/errors.ts';
import { algebra } from '../vjp.ts';
import type { Optimizer } from './optimizer.ts';

export interface SgdOptions {
  /** 0 for plain gradient descent; default 0.9. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** L2 penalty added to the gradient of weights; default 0. */
  readonly weightDecay?: number;
}

/**
 * g ← gradient + λ p;  v ← μ v + g;  p ← p − η v  (Nesterov: p ← p − η (g + μ v)).
 * PyTorch's first step sets v = g, which is the same from v = 0.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0.9, nesterov = false, weightDecay = 0 } = options;
  if (!(momentum >= 0 && momentum < 1))
    throw new ParameterError(`Momentum must be in [0, 1), got ${momentum}.`);
  if (!(weightDecay >= 0)) throw new ParameterError(`Weight decay must be ≥ 0, got ${weightDecay}.`);
  if (nesterov && momentum === 0) throw new ParameterError('Nesterov needs a momentum above 0.');
  return {
    name: 'sgd',
    slots: momentum > 0 ? ['momentum'] : [],
    inputs: ['learning_rate'],
    scalars: (learningRate) => ({ learning_rate: learningRate }),
    update: (g, p, inputs) => {
      const a = algebra(g, p.parameter);
      const rate = inputs['learning_rate'];
      const decayed =
        p.decay && weightDecay > 0
          ? a.add(p.gradient, a.mul(p.parameter, a.scalar(weightDecay)))
          : p.gradient;
      if (momentum === 0) return { parameter: a.sub(p.parameter, a.mul(rate, decayed)), slots: [] };
      const velocity = a.add(a.mul(p.slots[0], a.scalar(momentum)), decayed);
      const direction = nesterov ? a.add(decayed, a.mul(velocity, a.scalar(momentum))) : velocity;
      return { parameter: a.sub(p.parameter, a.mul(rate, direction)), slots: [velocity] };
    },
  };
}
