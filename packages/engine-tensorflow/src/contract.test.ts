import { testEngine } from '@kd/testing';
import { describeOnTensorflow } from '../../../tests/needs-tensorflow.js';
import { tensorflow } from './engine.js';

describeOnTensorflow('its contract', () => testEngine(tensorflow()));
