/** @file What the engine and its worker thread say to each other. */
import type { PlainError, Tensor } from '../core/index.ts';
import type { Device, DeviceChoice, DeviceSearch } from './device.ts';

export interface RunRequest {
  /** Tensors sent along, by graph input. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Graph inputs that are read from the engine's resident tensors of the same name. */
  readonly resident: readonly string[];
  /** Graph outputs that replace a resident tensor instead of coming back: output name → resident name. */
  readonly keep: Readonly<Record<string, string>>;
  /** Graph outputs to send back. */
  readonly fetch: readonly string[];
}

export type EngineRequest =
  | { readonly kind: 'device'; readonly choice: DeviceChoice }
  | {
      readonly kind: 'load';
      readonly session: number;
      readonly model: Uint8Array;
      readonly threads: number;
      readonly spinning: boolean;
      readonly device: Device;
    }
  | { readonly kind: 'unload'; readonly session: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'put'; readonly tensors: ReadonlyMap<string, Tensor> }
  | { readonly kind: 'get'; readonly names: readonly string[] }
  | ({ readonly kind: 'run'; readonly session: number } & RunRequest);

/** The answer to `device`. */
export interface DeviceAnswer extends DeviceSearch {
  /** Devices that do start, where the one asked for does not. */
  readonly available: readonly Device[];
}

export interface EngineReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: PlainError;
}
