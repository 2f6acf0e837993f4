import type { Command } from 'commander';
import type { CommandTable } from '../../src/flows/complete.js';

export function commandTable(command: Command): CommandTable;
