import { testTeacher } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { patches, pyramid } from '../test/graphs.js';
import onnx, { type OnnxInput } from './index.js';

const engine = await namedEngine();
const input: OnnxInput['input'] = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

testTeacher(onnx, { engine, options: { model: pyramid(), input: { ...input, minSize: [64, 96], maxSize: 128 } } });
// A file that takes one image at a time, of one size.
testTeacher(onnx, {
  engine,
  options: { model: pyramid([1, 3, 64, 96]), input: { ...input, fixedSize: [64, 96] }, taps: ['c3', 'c4'] },
});
testTeacher(onnx, {
  engine,
  options: { model: patches(4), input: { ...input, fixedSize: [64, 64] }, taps: { tokens: 'tokens' } },
});
