// One run of the handler, and how it ends: the message that tells the parent.

import { contextOf } from './context.mjs';
import { NodeJsExit, ResponseTooLarge, errorDocument } from './errors.mjs';
import { highWaterMark, streams } from './handler.mjs';
import { logError } from './log.mjs';
import { ResponseStream } from './stream.mjs';

const RESPONSE_LIMIT_BYTES = 6_291_556;

export function invocationOf(handler, message, connection) {
  return streams(handler) ? new Streaming(handler, message, connection) : new Buffered(handler, message);
}

function failed(error) {
  logError('Invoke Error', error);
  return { error: errorDocument(error), logged: true };
}

function returned(value) {
  let text;
  try {
    text = JSON.stringify(value === undefined ? null : value) ?? 'null';
  } catch {
    return failed(new Error('Unable to stringify response body'));
  }
  if (Buffer.byteLength(text) > RESPONSE_LIMIT_BYTES) return failed(new ResponseTooLarge(RESPONSE_LIMIT_BYTES));
  return { result: text };
}

// Keeps the first way in which an invocation ends; a later one is neither told nor logged.
class Ending {
  #resolve;

  constructor() {
    this.message = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  with(make) {
    this.#resolve?.(make());
    this.#resolve = null;
  }

  failed(error) {
    this.with(() => failed(error));
  }
}

// A handler that returns a promise, or calls back, its third argument or the context's older functions.
class Buffered {
  #handler;
  #event;
  #context;
  #ending = new Ending();
  #whenIdle = null;

  constructor(handler, message) {
    this.#handler = handler;
    this.#event = JSON.parse(message.event);
    const done = (error, value) => this.#done(error, value);
    const older = { done, succeed: (value) => done(null, value), fail: (error) => done(error ?? 'handled') };
    this.#context = Object.assign(contextOf(message), older);
  }

  run() {
    const handler = this.#handler;
    try {
      const result = handler(this.#event, this.#context, (error, value) => this.#called(error, value));
      if (typeof result?.then === 'function') this.#follow(result);
    } catch (error) {
      this.#ending.failed(error);
    }
    return this.#ending.message;
  }

  // Nothing is left to do. What was called back is told now; a handler that has not called back has returned null.
  idle() {
    this.#ending.with(this.#whenIdle ?? (() => returned(null)));
  }

  #follow(promise) {
    this.#whenIdle ??= () => failed(new NodeJsExit());
    promise.then((value) => this.#done(null, value), (error) => this.#done(error ?? 'handled'));
  }

  #called(error, value) {
    if (isNothing(error) && this.#context.callbackWaitsForEmptyEventLoop) this.#whenIdle ??= () => returned(value);
    else this.#done(error, value);
  }

  #done(error, value) {
    this.#ending.with(() => (isNothing(error) ? returned(value) : failed(error)));
  }
}

// A handler of `awslambda.streamifyResponse`. Called without a stream, what it writes is its result.
class Streaming {
  #handler;
  #event;
  #context;
  #stream;
  #collected;
  #ending = new Ending();

  constructor(handler, message, connection) {
    this.#handler = handler;
    this.#event = JSON.parse(message.event);
    this.#context = contextOf(message);
    this.#collected = message.stream ? null : [];
    const send = message.stream ? (...part) => connection.sendPart(...part) : (...part) => this.#collect(...part);
    this.#stream = new ResponseStream(send, highWaterMark(handler));
    this.#stream.on('error', (error) => this.#ending.failed(error));
  }

  run() {
    this.#start().then(() => this.#returned(), (error) => this.#ending.failed(error ?? 'handled'));
    return this.#ending.message;
  }

  idle() {
    this.#ending.failed('Response stream is not finished.');
  }

  async #start() {
    const handler = this.#handler;
    const result = handler(this.#event, this.#stream, this.#context);
    if (typeof result?.then !== 'function') throw 'Streaming does not support non-async handlers.';
    if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
  }

  #returned() {
    const finish = () => this.#ending.with(() => this.#finished());
    if (this.#stream.writableFinished) finish();
    else this.#stream.once('finish', finish);
  }

  #collect(_type, bytes, written) {
    this.#collected.push(bytes);
    written?.();
  }

  #finished() {
    if (this.#collected === null) return { result: 'null', streamed: true };
    const text = Buffer.concat(this.#collected).toString();
    try {
      return returned(JSON.parse(text));
    } catch {
      return returned(text);
    }
  }
}

function isNothing(error) {
  return error === undefined || error === null;
}
