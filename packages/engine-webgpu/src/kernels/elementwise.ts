import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from './replace-kernel.js';
import { runShader } from './shader.js';

/** Of what is no number shaders may make one, and did: a loss that is none must be seen. */
const NO_NUMBER = 'if (isnan(a)) { return a; }';

/** The angle as quarter turns and what is left of it, of which polynomials give sine and cosine. */
const TURNED = `
  let turns = round(a * 0.6366197723675814);
  let r = ((a - turns * 1.5703125) - turns * 4.837512969970703125e-4) - turns * 7.54978995489188216e-8;
  let z = r * r;
  let s = ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
  let c = ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
  let quarter = i32(turns) & 3;`;

/** Bodies of functions of `a`, for kernels whose own are not exact enough or make numbers of what is none. */
const BODIES: Readonly<Record<string, string>> = {
  Exp: `${NO_NUMBER} return exp(a);`,
  Log: `if (isnan(a) || a < 0.0) { return uniforms.NAN; }
    if (a == 0.0) { return -uniforms.INFINITY; }
    if (isinf(a)) { return a; }
    return log(a);`,
  Sigmoid: `${NO_NUMBER} return 1.0 / (1.0 + exp(-a));`,
  Softplus: `${NO_NUMBER}
    let e = exp(-abs(a));
    // log(1 + e), with what the sum rounds off.
    let sum = 1.0 + e;
    return max(a, 0.0) + log(sum) + (e - (sum - 1.0)) / sum;`,
  // Shaders may err by 2^-11 there.
  Sin: `${TURNED} return select(s, c, (quarter & 1) == 1) * select(1.0, -1.0, quarter >= 2);`,
  Cos: `${TURNED} return select(c, s, (quarter & 1) == 1) * select(1.0, -1.0, quarter == 1 || quarter == 2);`,
};

export function registerElementwise(): void {
  for (const [kernel, body] of Object.entries(BODIES))
    replaceKernel(kernel, ({ inputs, backend }) =>
      elementwise(kernel, body, inputs['x'] as tf.TensorInfo, backend as WebGPUBackend),
    );
  const cast = tf.getKernel('Cast', 'webgpu').kernelFunc;
  replaceKernel('Cast', (call) => {
    const x = call.inputs['x'] as tf.TensorInfo;
    // The package leaves whole numbers on the device where a float is said to be, and other kernels trip over them.
    return call.attrs!['dtype'] === 'float32' && (x.dtype === 'int32' || x.dtype === 'bool')
      ? elementwise('Cast', 'return a;', x, call.backend as WebGPUBackend)
      : cast(call);
  });
}

/** @param body of a function of `a` */
function elementwise(key: string, body: string, A: tf.TensorInfo, backend: WebGPUBackend): tf.TensorInfo {
  const code = `
    fn f(a : f32) -> f32 { ${body} }
    fn main(index : i32) { if (index < uniforms.size) { setOutputAtIndex(index, f(getAByOutputIndex(index))); } }`;
  return runShader({ key, code, inputs: { A }, shape: A.shape, dtype: 'float32' }, backend);
}
