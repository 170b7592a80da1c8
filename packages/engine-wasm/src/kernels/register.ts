import { registerConvolutionGradients } from './convolution-gradients.js';
import { registerDepthwiseGradients } from './depthwise-gradients.js';
import { registerHostLoops } from './host-loops.js';
import { registerNoNumber } from './no-number.js';
import { registerHostKernels } from './on-host.js';
import { registerSamePadding } from './same-padding.js';

/** What the back end lacks or computes wrongly; each kernel that it lacks still after that is the plain one. */
export function registerKernels(): void {
  registerConvolutionGradients();
  registerDepthwiseGradients();
  registerHostLoops();
  registerSamePadding();
  registerNoNumber();
  registerHostKernels();
}
