import { KdError, messageOf } from '@kd/core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import type { Faults } from './faults.js';

/** The back end of TensorFlow.js that gives no data of which the device said that they are garbage. */
export class CheckedBackend extends WebGPUBackend {
  readonly #faults: Faults;

  constructor(device: GPUDevice, info: GPUAdapterInfo, faults: Faults) {
    super(device, info);
    this.#faults = faults;
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    return this.checked(() => super.read(dataId));
  }

  /** Data that come from the device. @throws KdError where they are garbage, or do not come */
  async checked<T>(read: () => Promise<T>): Promise<T> {
    let values: T;
    try {
      values = await read();
    } catch (error) {
      await this.#faults.check();
      throw new KdError('ENGINE_UNAVAILABLE', `WebGPU gave no data: ${messageOf(error)}`, { cause: error });
    }
    await this.#faults.check();
    return values;
  }

  /** Gives the device all that waits. */
  flush(): void {
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    this.submitQueue();
  }

  /** Transposes of whole numbers, also those inside of other kernels, are written as floats: shaders refuse that. */
  override runWebGPUProgram(...call: Parameters<WebGPUBackend['runWebGPUProgram']>): tf.TensorInfo {
    const [program, , dtype] = call;
    if (dtype !== 'float32' && /^transpose(?:_|Shared$)/.test(program.shaderKey)) {
      const code = program.getUserCode();
      program.getUserCode = () => code.replace('setOutputAtIndex(', 'setOutputAtIndexI32(').replaceAll('f32', 'i32');
    }
    return super.runWebGPUProgram(...call);
  }

  /** Node has no way to wait for the device, and browsers a slow one. */
  override readSync(dataId: object): tf.BackendValues {
    const { values } = this.tensorMap.get(dataId);
    if (values !== null && values !== undefined) return values;
    throw new KdError(
      'USAGE',
      'the engine webgpu reads no data of the device synchronously: use await tensor.data() in the place of dataSync() and arraySync().',
    );
  }
}
