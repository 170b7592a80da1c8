import { testTeacher } from '@kd/testing';
import { {{camel}} } from './index.js';

testTeacher({{camel}}, { options: { input: { fixedSize: [64, 64], mean: [0, 0, 0], std: [1, 1, 1] } } });
