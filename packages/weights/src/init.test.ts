import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { type HostTensor, Trainer } from '@kd/core';
import { cpuEngine, toyConfig } from '@kd/testing';
import { afterEach, expect, test } from 'vitest';
