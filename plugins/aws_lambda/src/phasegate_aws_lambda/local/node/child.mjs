// The program in a child process that holds a Node handler: loads it once, then runs it for one event after the other.
//
// Events come and answers go as in child.py; standard output and error belong to the handler. Errors have the types and
// shapes of Lambda's own runtime (aws-lambda-nodejs-runtime-interface-client).

import process from 'node:process';

import { Connection } from './connection.mjs';
import { UnhandledPromiseRejection, errorDocument } from './errors.mjs';
import { loadHandler, provideGlobals } from './handler.mjs';
import { invocationOf } from './invocation.mjs';
import { logError, patchConsole, setRequestId } from './log.mjs';

// What Lambda's runtime exits with after an exception, or a rejection, that nobody has caught.
const UNCAUGHT_STATUS = 129;
const UNHANDLED_STATUS = 128;

class Child {
  #connection;
  #busy = true;
  #whenIdle = null;

  constructor(descriptor) {
    this.#connection = new Connection(descriptor);
  }

  async serve(path, name) {
    this.#watchErrors();
    let handler;
    try {
      handler = await loadHandler(path, name);
    } catch (error) {
      logError('Uncaught Exception', error);
      this.#connection.send({ error: errorDocument(error), logged: true });
      this.#connection.receive(() => {});
      return;
    }
    this.#connection.send({ ready: true });
    this.#next(handler);
  }

  // While an event is awaited the connection keeps the process going, while one is handled the handler's work alone.
  #next(handler) {
    this.#busy = false;
    this.#whenIdle = null;
    this.#connection.receive((message) => {
      this.#busy = true;
      this.#run(handler, message);
    });
  }

  #run(handler, message) {
    setRequestId(message.request_id);
    process.env._X_AMZN_TRACE_ID = message.trace_id;
    const invocation = invocationOf(handler, message, this.#connection);
    this.#whenIdle = () => invocation.idle();
    invocation.run().then((outcome) => {
      this.#connection.send(outcome);
      this.#next(handler);
    });
  }

  #watchErrors() {
    process.on('beforeExit', () => this.#whenIdle?.());
    process.on('uncaughtException', (error) => this.#end('Uncaught Exception', error, UNCAUGHT_STATUS));
    process.on('unhandledRejection', (reason) =>
      this.#end('Unhandled Promise Rejection', new UnhandledPromiseRejection(reason), UNHANDLED_STATUS),
    );
  }

  #end(label, error, status) {
    logError(label, error);
    if (!this.#busy) process.exit(status);
    this.#connection.send({ error: errorDocument(error), logged: true, ends: true }, () => process.exit(status));
  }
}

patchConsole();
provideGlobals();
process.env.AWS_EXECUTION_ENV = `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`;
new Child(Number(process.argv[2])).serve(process.argv[3], process.argv[4]);
