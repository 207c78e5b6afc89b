// Errors as Lambda's Node runtime reports them.

import { types } from 'node:util';

class RuntimeFault extends Error {
  get name() {
    return `Runtime.${this.constructor.name}`;
  }
}

// The handler's module, or one that it wants, is not there.
export class ImportModuleError extends RuntimeFault {}

// The module has no such function.
export class HandlerNotFound extends RuntimeFault {}

// The handler's module is no JavaScript.
export class UserCodeSyntaxError extends RuntimeFault {}

// A stream is used as it can't be.
export class InvalidStreamingOperation extends RuntimeFault {}

// Nothing is left to do, and the handler's promise is not settled.
export class NodeJsExit extends RuntimeFault {
  constructor() {
    super('The handler has nothing left to wait for, and its promise was never settled.');
  }
}

// A promise was rejected and nobody has looked.
export class UnhandledPromiseRejection extends RuntimeFault {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

// Lambda's own, by a name that is not the runtime's.
export class ResponseTooLarge extends Error {
  constructor(limitBytes) {
    super(`Response payload size exceeded maximum allowed payload size (${limitBytes} bytes).`);
  }

  get name() {
    return 'Function.ResponseSizeTooLarge';
  }
}

// What Lambda reports of anything that was thrown.
export function errorDocument(error) {
  try {
    if (types.isNativeError(error) || looksLikeError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: error.stack.split('\n') };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'the name, message or stack can not be read', trace: [] };
  }
}

function looksLikeError(value) {
  return ['name', 'message', 'stack'].every((field) => value?.[field] && typeof value[field] === 'string');
}
