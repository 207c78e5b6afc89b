// The handler: its module, its function, and what is global to it.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { HandlerNotFound, ImportModuleError, UserCodeSyntaxError } from './errors.mjs';
import { HttpResponseStream } from './stream.mjs';

// Libraries that wrap handlers know these two by their registered names.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

export function provideGlobals() {
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  return handler;
}

export function streams(handler) {
  return handler[STREAMING] === 'response';
}

export function highWaterMark(handler) {
  return Number.isInteger(handler[HIGH_WATER_MARK]) ? handler[HIGH_WATER_MARK] : undefined;
}

// Returns the function `name` of the module at a path. Throws an error of the runtime's, or whatever the module threw.
export async function loadHandler(file, name) {
  const module = await load(file);
  const called = `${path.parse(file).name}.${name}`;
  const handler = module?.[name];
  if (!handler) throw new HandlerNotFound(`${called} is undefined or not exported`);
  if (typeof handler !== 'function') throw new HandlerNotFound(`${called} is not a function`);
  return handler;
}

async function load(file) {
  try {
    return await loadAny(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw withStack(new UserCodeSyntaxError(error), error);
    if (error?.code === 'MODULE_NOT_FOUND') throw withStack(new ImportModuleError(error), error);
    throw error;
  }
}

// A `.js` file is CommonJS unless its package says otherwise; Node itself tells.
async function loadAny(file) {
  if (file.endsWith('.mjs')) return import(pathToFileURL(file));
  try {
    return createRequire(file)(file);
  } catch (error) {
    if (error?.code === 'ERR_REQUIRE_ESM' || error?.code === 'ERR_REQUIRE_ASYNC_MODULE') {
      return import(pathToFileURL(file));
    }
    throw error;
  }
}

function withStack(fault, cause) {
  fault.stack = `${fault.name}: ${fault.message}\n${String(cause.stack)}`;
  return fault;
}
