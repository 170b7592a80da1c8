#!/usr/bin/env node
import { closedPipeAsSignal } from './closed-pipe.js';
import { main } from './main.js';
import { stoppedAtOnce } from './stop-signal.js';

closedPipeAsSignal(process.stdout);
closedPipeAsSignal(process.stderr);
// Until a command takes the signal over: what is read so far leaves nothing behind.
process.once('SIGINT', stoppedAtOnce);
process.exitCode = await main(process.argv.slice(2));
