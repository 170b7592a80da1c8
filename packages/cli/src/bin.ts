#!/usr/bin/env node
import { closedPipeAsSignal } from './closed-pipe.js';
import { main } from './main.js';

closedPipeAsSignal(process.stdout);
closedPipeAsSignal(process.stderr);
process.exitCode = await main(process.argv.slice(2));
