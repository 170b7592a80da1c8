import { testEngine } from '@kd/testing';
import { describeOnGraphicsCard } from '../../../tests/graphics-card.js';
import { webgpu } from './engine.js';

describeOnGraphicsCard('its contract', () => testEngine(webgpu()));
