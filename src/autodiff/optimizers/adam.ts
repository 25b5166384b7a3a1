/** @file Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), as `torch.optim` computes them. */
import { ParameterError } from '../../core/errors.ts';
import { algebra } from '../vjp.ts';
import type { Optimizer } from './optimizer.ts';

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  /** Added to √v̂, outside the root (the paper's ε̂ form is not used). */
  readonly epsilon?: number;
  /** AdamW: shrinks weights directly. Adam: added to the gradient. Norms and biases are never decayed. */
  readonly weightDecay?: number;
}

/** Adam with L2 regularisation through the gradient. */
export function adam(options: AdamOptions = {}): Optimizer {
  return adaptive('adam', { weightDecay: 0, ...options }, false);
}

/** Adam with decoupled weight decay; default 0.01. */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adaptive('adamw', { weightDecay: 0.01, ...options }, true);
}

/*
 * m ← β₁ m + (1−β₁) g;  v ← β₂ v + (1−β₂) g²
 * p ← p (1 − η λ) − η/(1−β₁ᵗ) · m / (√v / √(1−β₂ᵗ) + ε)
 */
function adaptive(name: string, options: AdamOptions, decoupled: boolean): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  for (const [label, beta] of [
    ['beta1', beta1],
    ['beta2', beta2],
  ] as const) {
    if (!(beta >= 0 && beta < 1)) throw new ParameterError(`${label} must be in [0, 1), got ${beta}.`);
  }
  if (!(weightDecay >= 0)) throw new ParameterError(`Weight decay must be ≥ 0, got ${weightDecay}.`);
  return {
    name,
    slots: ['exp_avg', 'exp_avg_sq'],
    inputs: ['step_size', 'inverse_correction', 'keep'],
    scalars: (learningRate, step) => ({
      step_size: learningRate / (1 - beta1 ** step),
      inverse_correction: 1 / Math.sqrt(1 - beta2 ** step),
      keep: decoupled ? 1 - learningRate * weightDecay : 1,
    }),
    update: (g, p, inputs) => {
      const a = algebra(g, p.parameter);
      const decays = p.decay && weightDecay > 0;
      const gradient =
        decays && !decoupled ? a.add(p.gradient, a.mul(p.parameter, a.scalar(weightDecay))) : p.gradient;
      const m = a.add(a.mul(p.slots[0], a.scalar(beta1)), a.mul(gradient, a.scalar(1 - beta1)));
      const v = a.add(
        a.mul(p.slots[1], a.scalar(beta2)),
        a.mul(a.mul(gradient, gradient), a.scalar(1 - beta2)),
      );
      const denominator = a.add(a.mul(a.op('Sqrt', [v]), inputs['inverse_correction']), a.scalar(epsilon));
      const kept = decays && decoupled ? a.mul(p.parameter, inputs['keep']) : p.parameter;
      const next = a.sub(kept, a.mul(inputs['step_size'], a.div(m, denominator)));
      return { parameter: next, slots: [m, v] };
    },
  };
}
