import { testEngine } from '@kd/testing';
import { describeOnGraphicsCard } from '../../../tests/graphics-card.js';
import { webgpu } from './engine.js';

// With the other tests each op at a few shapes: its programs take long to compile in software. scripts/webgpu.mjs runs
// all.
const every = process.env['KD_ENGINE'] === 'webgpu' ? 1 : 6;

describeOnGraphicsCard('its contract', () => testEngine(webgpu(), { every }));
