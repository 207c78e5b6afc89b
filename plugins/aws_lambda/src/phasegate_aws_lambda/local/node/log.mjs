// The console, as Lambda's Node runtime writes it: time, request id, level and text, a tab between.

import { writeSync } from 'node:fs';
import { format } from 'node:util';

const NAMES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const LEVELS = { log: 'INFO', ...Object.fromEntries(NAMES.map((name) => [name, name.toUpperCase()])) };

const STDOUT = 1;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

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

// Writes at once, so that nothing is lost where the process ends right after; the stream of standard output may wait.
function write(level, text) {
  let bytes = Buffer.from(`${new Date().toISOString()}\t${requestId}\t${level}\t${text}\n`);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(STDOUT, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') return;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}
