#!/usr/bin/env node
import { main } from '@kd/create-plugin';

process.exitCode = await main('detector', process.argv.slice(2));
