#!/usr/bin/env node
import { main } from './main.js';

process.exitCode = await main('distiller', process.argv.slice(2));
