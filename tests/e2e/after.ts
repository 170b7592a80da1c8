// Of every file, whose module of `kd` is one.
import { afterAll, afterEach } from 'vitest';
import { removeFolders, tellWhatRan } from './kd.js';

afterEach(({ task }) => tellWhatRan(task));
afterAll(removeFolders);
