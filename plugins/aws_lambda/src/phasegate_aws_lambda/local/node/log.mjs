// The console, as Lambda's Node runtime writes it: time, request id, level and text, a tab between.

import process from 'node:process';
import { format } from 'node:util';

const LEVELS = { trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };

let requestId;

export function setRequestId(id) {
  requestId = id;
}

export function patchConsole() {
  for (const [method, level] of Object.entries(LEVELS)) {
    console[method] = (...values) => write(level, format(...values));
  }
}

// Writes what was thrown, as one object of its message, its stack and whatever else it carries.
export function logError(label, thrown) {
  const error = thrown instanceof Error ? thrown : new Error(thrown);
  const fields = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  console.error(label, `\t${asJson({ ...fields, stack: String(error.stack).split('\n') })}`);
}

function asJson(fields) {
  try {
    return JSON.stringify(fields);
  } catch {
    return JSON.stringify({ errorType: fields.errorType, errorMessage: fields.errorMessage, stack: fields.stack });
  }
}

function write(level, text) {
  process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${text}\n`);
}
