/** @file Where graphs run: the devices there are names for, and which of them a machine really has. */
import { RuntimeError } from '../core/index.ts';

/** A device, by the name of ONNX Runtime's execution provider. */
export type Device = 'cpu' | 'cuda' | 'webgpu';

/** `auto` is the first of cuda, webgpu and cpu that starts. */
export type DeviceChoice = Device | 'auto';

export const deviceChoices: readonly DeviceChoice[] = ['cpu', 'cuda', 'webgpu', 'auto'];

/** From the fastest on. */
const preference: readonly Device[] = ['cuda', 'webgpu', 'cpu'];

const remedies: Readonly<Record<Device, string>> = {
  cpu: 'Reinstall onnxruntime-node.',
  cuda: "It takes NVIDIA's driver, CUDA 12, cuDNN 9 and the CUDA libraries of onnxruntime-node, which its install script fetches on Linux x64 (ONNXRUNTIME_NODE_INSTALL=cuda12).",
  webgpu: 'It takes a GPU with a driver for Vulkan, Metal or Direct3D 12 that this process may use.',
};

/** What came of starting devices. */
export interface DeviceSearch {
  /** The device to use; null where the one asked for does not start. */
  readonly device: Device | null;
  /** Why others did not start, by device. */
  readonly failures: Readonly<Partial<Record<Device, string>>>;
}

/**
 * Finds the device that `choice` comes to.
 * @param listed names of the backends that the runtime's package has on this platform
 * @param start starts a device, for instance by loading a small graph on it; rejects where that fails
 */
export async function searchDevice(
  choice: DeviceChoice,
  listed: readonly string[],
  start: (device: Device) => Promise<void>,
): Promise<DeviceSearch> {
  const failures: Partial<Record<Device, string>> = {};
  for (const device of choice === 'auto' ? preference : [choice]) {
    if (!listed.includes(device)) {
      failures[device] = 'onnxruntime-node has no such backend on this platform';
      continue;
    }
    try {
      await start(device);
      return { device, failures };
    } catch (error) {
      failures[device] = (error as Error).message.trim();
    }
  }
  return { device: null, failures };
}

/** The error for a choice that came to nothing. @param available devices that do start */
export function noDeviceError(
  choice: DeviceChoice,
  { failures }: DeviceSearch,
  available: readonly Device[],
): RuntimeError {
  const reasons = Object.entries(failures).map(([device, why]) => `${device}: ${why}`);
  const there =
    available.length === 0 ? 'No device starts here.' : `Available here: ${available.join(', ')}.`;
  return new RuntimeError(
    `The device '${choice}' cannot be used. ${reasons.join('; ').replace(/\.?$/, '.')}`,
    {
      hint: choice === 'auto' ? there : `${remedies[choice]} ${there}`,
    },
  );
}
