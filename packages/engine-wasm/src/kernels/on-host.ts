import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';

/**
 * Registers the kernels that the wasm back end lacks, as TensorFlow.js' plain ones on copies of the data: right, slow,
 * and seldom needed.
 */
export function registerHostKernels(): void {
  for (const { kernelName } of tf.getKernelsForBackend('cpu'))
    if (tf.getKernel(kernelName, 'wasm') === undefined)
      replaceKernel(kernelName, ({ inputs, attrs, backend }) =>
        runOnHost(kernelName, inputs, attrs, backend as BackendWasm),
      );
}

let host: MathBackendCPU | undefined;

type Inputs = Parameters<tf.KernelConfig['kernelFunc']>[0]['inputs'];
type Attributes = Parameters<tf.KernelConfig['kernelFunc']>[0]['attrs'];

/** Runs the plain kernel of this name on copies of tensors that live in WebAssembly. */
export function runOnHost(
  kernelName: string,
  inputs: Inputs,
  attrs: Attributes,
  wasm: BackendWasm,
): tf.TensorInfo | tf.TensorInfo[] {
  host ??= new MathBackendCPU();
  const cpu = host;
  const made: tf.TensorInfo[] = [];
  const toHost = ({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo => {
    const copy = { dataId: cpu.write(wasm.readSync(dataId), shape, dtype), shape, dtype };
    made.push(copy);
    return copy;
  };
  const copies = Object.fromEntries(
    Object.entries(inputs).map(([name, of]) => [name, Array.isArray(of) ? of.map(toHost) : of && toHost(of)]),
  ) as Inputs;
  const outputs = tf.getKernel(kernelName, 'cpu').kernelFunc({ inputs: copies, attrs, backend: cpu });
  const back = (output: tf.TensorInfo): tf.TensorInfo => {
    made.push(output);
    const { shape, dtype } = output;
    return { dataId: wasm.write(cpu.readSync(output.dataId), shape, dtype), shape, dtype };
  };
  const results = Array.isArray(outputs) ? outputs.map(back) : back(outputs);
  for (const { dataId } of made) cpu.disposeData(dataId, true);
  return results;
}
